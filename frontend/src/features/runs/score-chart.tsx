import { useCallback } from "react"
import { Chart, markLevel, type PlotLibrary, TIP } from "@/components/chart"
import { Card } from "@/components/layout"
import { formatPercent } from "@/lib/format"
import type { Evaluation } from "./run-progress"
import styles from "./runs.module.css"

const HEIGHT = 400

type ScoreChartProps = {
  evaluations: readonly Evaluation[]
  /** mIoU of the source-only run that this one is held against. */
  sourceOnly: number | null
  steps: number
}

/** mIoU over the steps of a run, with the source-only model's as a line to beat. */
export function ScoreChart({ evaluations, sourceOnly, steps }: ScoreChartProps) {
  const draw = useCallback(
    (plot: PlotLibrary, width: number) =>
      drawScores(plot, width, { evaluations, sourceOnly, steps }),
    [evaluations, sourceOnly, steps],
  )
  const hasScores = evaluations.some(({ miou }) => miou !== null)
  return (
    <Card title="mIoU">
      {hasScores ? (
        <Chart label="mIoU over the steps of the run" height={HEIGHT} draw={draw} />
      ) : (
        <p className={styles.meta}>
          Nothing evaluated yet. Without a validation set there is no mIoU at all.
        </p>
      )}
    </Card>
  )
}

function drawScores(plot: PlotLibrary, width: number, props: ScoreChartProps): Element {
  const { evaluations, sourceOnly, steps } = props
  const known = evaluations.filter(({ miou }) => miou !== null)
  const warmUp = known.findLast(({ phase }) => phase === "warm-up")
  return plot.plot({
    width,
    height: HEIGHT,
    marginLeft: 44,
    marginRight: 16,
    marginTop: 16,
    marginBottom: 44,
    x: { domain: [0, Math.max(steps, 1)], ticks: 6, tickSize: 0, label: "step", labelOffset: 38 },
    y: { tickFormat: formatTick, tickSize: 0, ticks: 5, label: null, nice: true },
    marks: [
      plot.gridY({ stroke: "var(--border)", strokeOpacity: 1, ticks: 5 }),
      warmUp ? markAdaptation(plot, warmUp.step) : null,
      sourceOnly === null ? null : markLevel(plot, sourceOnly, "source only", -8),
      plot.lineY(known, { x: "step", y: "miou", stroke: "var(--accent)", strokeWidth: 2 }),
      plot.dot(known, {
        x: "step",
        y: "miou",
        fill: "var(--accent)",
        r: 3.5,
        tip: TIP,
        title: ({ step, miou }: Evaluation) => `step ${step}\nmIoU ${formatPercent(miou)}`,
      }),
    ],
  })
}

const formatTick = (share: number): string => `${Math.round(share * 100)} %`

/** Where the target begins to take part. */
const markAdaptation = (plot: PlotLibrary, step: number) => [
  plot.ruleX([step], { stroke: "var(--border-strong)", strokeDasharray: "2 3" }),
  plot.text([step], {
    x: (at: number) => at,
    frameAnchor: "top",
    dx: -6,
    textAnchor: "end",
    text: () => "adaptation begins",
    fill: "var(--text-muted)",
  }),
]

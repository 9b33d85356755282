import { useCallback } from "react"
import { Chart, type PlotLibrary, TIP } from "@/components/chart"
import { SUPERVISIONS, supervisionLabel } from "@/components/supervision"
import { formatCount, formatHours, formatPercent } from "@/lib/format"
import styles from "./accuracy.module.css"
import type { Plotted } from "./measures"
import { SYMBOLS, SymbolMark } from "./symbols"

type CostChartProps = {
  runs: readonly Plotted[]
  measure: string
  /** Drawn as a line at no cost; null when unknown. */
  reference: number | null
  height: number
}

/** Accuracy against the hours that people worked, by what they gave. */
export function CostChart({ runs, measure, reference, height }: CostChartProps) {
  const draw = useCallback(
    (plot: PlotLibrary, width: number) =>
      drawCosts(plot, width, { runs, measure, reference, height }),
    [runs, measure, reference, height],
  )
  const shown = SUPERVISIONS.filter(({ value }) =>
    runs.some(({ point }) => point.supervision === value),
  )
  return (
    <div className={styles.chart}>
      <ul className={styles.legend}>
        {shown.map(({ value, label }) => (
          <li key={value}>
            <SymbolMark supervision={value} />
            {label}
          </li>
        ))}
      </ul>
      <Chart
        label={`${measure} against active labelling hours, ${runs.length} runs`}
        height={height}
        draw={draw}
      />
    </div>
  )
}

const tooltip = ({ point, value }: Plotted): string =>
  [
    `Run ${point.run_id}: ${formatPercent(value)}`,
    supervisionLabel(point.supervision),
    `${formatCount(point.labels)} labels, ${formatHours(point.active_hours)}`,
  ].join("\n")

function drawCosts(plot: PlotLibrary, width: number, props: CostChartProps): Element {
  const { runs, measure, reference, height } = props
  const shown = SUPERVISIONS.filter(({ value }) =>
    runs.some(({ point }) => point.supervision === value),
  ).map(({ value }) => value)
  const supervision = ({ point }: Plotted) => point.supervision
  const farthest = Math.max(...runs.map(({ hours }) => hours))
  return plot.plot({
    width,
    height,
    marginLeft: 48,
    marginRight: 24,
    marginTop: 24,
    marginBottom: 40,
    x: {
      domain: [0, farthest > 0 ? farthest * 1.08 : 1],
      label: "active labelling hours",
      tickSize: 0,
      ticks: 6,
    },
    y: {
      label: measure,
      tickFormat: (share: number) => `${Math.round(share * 100)} %`,
      tickSize: 0,
      ticks: 5,
      nice: true,
    },
    color: { domain: shown, range: shown.map((value) => `var(--chart-${value})`) },
    symbol: { domain: shown, range: shown.map((value) => SYMBOLS[value]) },
    marks: [
      plot.gridY({ stroke: "var(--border)", strokeOpacity: 1, ticks: 5 }),
      plot.ruleX([0], { stroke: "var(--border-strong)" }),
      reference === null ? null : markReference(plot, reference),
      plot.line([...runs], {
        x: "hours",
        y: "value",
        z: supervision,
        stroke: supervision,
        strokeWidth: 1.5,
        strokeOpacity: 0.55,
      }),
      plot.dot([...runs], {
        x: "hours",
        y: "value",
        stroke: supervision,
        fill: supervision,
        fillOpacity: 0.9,
        symbol: supervision,
        r: 5.5,
        tip: TIP,
        title: tooltip,
      }),
    ],
  })
}

const markReference = (plot: PlotLibrary, value: number) => [
  plot.ruleY([value], {
    stroke: "var(--chart-source-only)",
    strokeWidth: 1.5,
    strokeDasharray: "5 4",
  }),
  plot.text([value], {
    y: (share: number) => share,
    frameAnchor: "right",
    textAnchor: "end",
    dy: -9,
    text: (share: number) => `source only, no labelling: ${formatPercent(share)}`,
    fill: "var(--text-muted)",
  }),
]

import { type RefObject, useCallback, useMemo } from "react"
import { Chart, markLevel, type PlotLibrary, TIP } from "@/components/chart"
import { SUPERVISIONS, supervisionLabel } from "@/components/supervision"
import { formatCount, formatHours, formatPercent } from "@/lib/format"
import styles from "./accuracy.module.css"
import { type Axis, isTime, means, type Plotted, published, unitOf } from "./measures"
import { SYMBOLS, SymbolMark } from "./symbols"

type CostChartProps = {
  runs: readonly Plotted[]
  measure: string
  axis?: Axis
  /** Drawn as a line at no cost; null when unknown. */
  reference: number | null
  /** Whether runs are drawn a second time, where published times would put them. */
  withPublished?: boolean
  height: number
  /** Called with a run that was clicked. */
  onPick?: ((runId: number) => void) | undefined
  /** Holds what is drawn, for who saves it. */
  drawing?: RefObject<Element | null>
}

const NAMES: Record<Axis, string> = {
  active: "active labelling",
  wall: "wall time of labelling",
  labels: "labels",
  answers: "answers",
}
const DASHES = ["none", "6 3", "2 3", "8 3 2 3"]

/** Accuracy against what labels took, by what people gave. */
export function CostChart(props: CostChartProps) {
  const { runs, measure, reference, height, onPick, drawing } = props
  const { axis = "active", withPublished = false } = props
  const lines = useMemo(() => linesOf(runs), [runs])
  const draw = useCallback(
    (plot: PlotLibrary, width: number) =>
      drawCosts(plot, width, { runs, measure, reference, height, axis, withPublished, lines }),
    [runs, measure, reference, height, axis, withPublished, lines],
  )
  const pick = useCallback((datum: unknown) => onPick?.((datum as Plotted).point.run_id), [onPick])
  return (
    <div className={styles.chart}>
      <ul className={styles.legend}>
        {lines.map(({ line, supervision, label, dash }) => (
          <li key={line}>
            <SymbolMark supervision={supervision} />
            <svg viewBox="0 0 22 4" width="22" height="4" aria-hidden="true">
              <path d="M0 2h22" stroke={`var(--chart-${supervision})`} strokeDasharray={dash} />
            </svg>
            {label}
          </li>
        ))}
        {withPublished && <li className={styles.hollow}>○ at published times</li>}
      </ul>
      <Chart
        label={`${measure} against ${NAMES[axis]}, ${runs.length} runs. The table below has all figures.`}
        height={height}
        draw={draw}
        onPick={onPick && pick}
        drawing={drawing}
      />
    </div>
  )
}

type Line = {
  line: string
  supervision: Plotted["point"]["supervision"]
  label: string
  dash: string
}

/** One for each supervision and recipe; the recipe is named where there are several. */
function linesOf(runs: readonly Plotted[]): Line[] {
  const recipes = [...new Set(runs.map(({ point }) => point.recipe))]
  return SUPERVISIONS.flatMap(({ value, label }) =>
    recipes.flatMap((recipe, index) => {
      const own = runs.find(({ point }) => point.supervision === value && point.recipe === recipe)
      if (!own) return []
      const name = recipes.length > 1 ? `${label}, ${recipe}` : label
      const dash = DASHES[index % DASHES.length] ?? "none"
      return [{ line: own.line, supervision: value, label: name, dash }]
    }),
  )
}

const tooltip = ({ point, value, low, high }: Plotted): string =>
  [
    `Run ${point.run_id}: ${formatPercent(value)}`,
    low !== null && high !== null && `80 %: ${formatPercent(low)} to ${formatPercent(high)}`,
    `${supervisionLabel(point.supervision)}, ${point.recipe}`,
    `${formatCount(point.labels)} labels, ${formatHours(point.active_hours)}`,
    point.seed_deviation !== null &&
      `${point.seeds} seeds, mIoU ± ${formatPercent(point.seed_deviation)}`,
  ]
    .filter(Boolean)
    .join("\n")

type Drawn = Required<Omit<CostChartProps, "onPick" | "drawing">> & { lines: readonly Line[] }

function drawCosts(plot: PlotLibrary, width: number, props: Drawn): Element {
  const { runs, measure, reference, height, axis, lines } = props
  const again = props.withPublished && isTime(axis) ? published(runs) : []
  const farthest = Math.max(...[...runs, ...again].map(({ x }) => x))
  const unit = isTime(axis) ? unitOf(farthest) : { name: "", hours: 1 }
  const dashes = new Map(lines.map(({ line, dash }) => [line, dash]))
  const shown = [...new Set(lines.map(({ supervision }) => supervision))]
  const supervision = ({ point }: Plotted) => point.supervision
  const x = (run: { x: number }) => run.x / unit.hours
  const colorOf = new Map(lines.map((each) => [each.line, `var(--chart-${each.supervision})`]))
  const spread = runs.filter(({ low }) => low !== null)
  const isNarrow = width < 480
  return plot.plot({
    width,
    height,
    marginLeft: 48,
    marginRight: 24,
    marginTop: 24,
    marginBottom: 40,
    x: {
      domain: [0, farthest > 0 ? (farthest / unit.hours) * 1.08 : 1],
      label: unit.name ? `${NAMES[axis]}, ${unit.name}` : NAMES[axis],
      tickSize: 0,
      ticks: isNarrow ? 4 : 7,
    },
    y: {
      label: measure,
      tickFormat: (share: number) => `${Math.round(share * 100)} %`,
      tickSize: 0,
      ticks: 5,
      nice: true,
    },
    symbol: { domain: shown, range: shown.map((value) => SYMBOLS[value]) },
    marks: [
      plot.gridY({ stroke: "var(--border)", strokeOpacity: 1, ticks: 5 }),
      plot.ruleX([0], { stroke: "var(--border-strong)" }),
      reference === null ? null : markLevel(plot, reference, "source only, no labelling:", -9),
      ...lines.map(({ line }) =>
        plot.line(means(runs.filter((run) => run.line === line)), {
          x,
          y: "value",
          stroke: colorOf.get(line) ?? "currentColor",
          strokeWidth: 1.5,
          strokeOpacity: 0.55,
          strokeDasharray: dashes.get(line) ?? "none",
        }),
      ),
      plot.ruleX(spread, {
        x,
        y1: "low",
        y2: "high",
        stroke: ({ line }: Plotted) => colorOf.get(line) ?? "currentColor",
        strokeOpacity: runs.length > 60 ? 0.2 : 0.5,
      }),
      plot.dot(again, {
        x,
        y: "value",
        stroke: ({ line }: Plotted) => colorOf.get(line) ?? "currentColor",
        symbol: supervision,
        r: 4.5,
      }),
      plot.dot([...runs], {
        x,
        y: "value",
        stroke: ({ line }: Plotted) => colorOf.get(line) ?? "currentColor",
        fill: ({ line }: Plotted) => colorOf.get(line) ?? "currentColor",
        fillOpacity: 0.9,
        symbol: supervision,
        r: runs.length > 60 ? 3 : 5.5,
        tip: TIP,
        title: tooltip,
      }),
    ],
  })
}

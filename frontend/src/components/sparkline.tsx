const WIDTH = 120
const HEIGHT = 36
const MARGIN = 4

/** The course of a few values, without axes; the figures stand beside it. */
export function Sparkline({ values, label }: { values: readonly number[]; label: string }) {
  if (values.length < 2) return null
  const lowest = Math.min(...values)
  const span = Math.max(...values) - lowest || 1
  const points = values.map((value, index) => [
    MARGIN + (index / (values.length - 1)) * (WIDTH - 2 * MARGIN),
    HEIGHT - MARGIN - ((value - lowest) / span) * (HEIGHT - 2 * MARGIN),
  ])
  const [lastX, lastY] = points.at(-1) ?? []
  return (
    <svg
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      width={WIDTH}
      height={HEIGHT}
      role="img"
      aria-label={label}
    >
      <polyline
        points={points.map((point) => point.join(",")).join(" ")}
        fill="none"
        stroke="var(--accent)"
        strokeWidth="2"
        strokeLinejoin="round"
        strokeLinecap="round"
      />
      <circle cx={lastX} cy={lastY} r="3" fill="var(--accent)" />
    </svg>
  )
}

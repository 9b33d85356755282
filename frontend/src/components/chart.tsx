import { type RefObject, useEffect, useRef, useState } from "react"
import { formatPercent } from "@/lib/format"
import styles from "./chart.module.css"

export type PlotLibrary = typeof import("./plot")

// Asked for with the page's script, rather than once there is something to draw.
import("./plot").catch(() => undefined)

/** How all charts show the point under the pointer. */
export const TIP = { lineHeight: 1.5, textPadding: 10, stroke: "var(--border-strong)" }

type ChartProps = {
  /** What the chart shows, for those who cannot see it. */
  label: string
  height: number
  /** Draws at the given width; must keep its identity while what it draws is the same. */
  draw: (plot: PlotLibrary, width: number) => Element
  /** Called with what is under the pointer when it is clicked; keeps its identity too. */
  onPick?: ((datum: unknown) => void) | undefined
  /** Holds what is drawn. */
  drawing?: RefObject<Element | null> | undefined
}

/** Draws with Observable Plot, again whenever the data or the room changes. */
export function Chart({ label, height, draw, onPick, drawing: drawn }: ChartProps) {
  const frame = useRef<HTMLDivElement>(null)
  const width = useWidth(frame)
  const [plot, setPlot] = useState<PlotLibrary | null>(null)
  useEffect(() => {
    import("./plot").then(setPlot)
  }, [])
  useEffect(() => {
    if (!plot || width === 0) return
    const drawing = draw(plot, width)
    // The frame's label stands for all of it.
    drawing.setAttribute("aria-hidden", "true")
    frame.current?.replaceChildren(drawing)
    if (drawn) drawn.current = drawing
    if (onPick) pickBy(drawing, onPick)
  }, [plot, width, draw, drawn, onPick])
  return (
    <div
      ref={frame}
      className={styles.chart}
      role="img"
      aria-label={label}
      style={{ minHeight: height }}
    />
  )
}

/** A drawing of Plot has as its value what is under the pointer. */
function pickBy(drawing: Element & { value?: unknown }, onPick: (datum: unknown) => void): void {
  const isOver = () => drawing.value !== null && drawing.value !== undefined
  drawing.addEventListener("input", () => {
    ;(drawing as SVGElement).style.cursor = isOver() ? "pointer" : ""
  })
  drawing.addEventListener("click", () => {
    if (isOver()) onPick(drawing.value)
  })
}

function useWidth(frame: React.RefObject<HTMLElement | null>): number {
  const [width, setWidth] = useState(0)
  useEffect(() => {
    if (!frame.current) return
    const observer = new ResizeObserver(([entry]) => {
      if (entry) setWidth(Math.floor(entry.contentRect.width))
    })
    observer.observe(frame.current)
    return () => observer.disconnect()
  }, [frame])
  return width
}

/** A dashed line across a chart at what the source alone comes to, and `name` with the share above it. */
export const markLevel = (plot: PlotLibrary, level: number, name: string, dy: number) => [
  plot.ruleY([level], {
    stroke: "var(--chart-source-only)",
    strokeWidth: 1.5,
    strokeDasharray: "5 4",
  }),
  plot.text([level], {
    y: (share: number) => share,
    frameAnchor: "right",
    textAnchor: "end",
    dy,
    text: (share: number) => `${name} ${formatPercent(share)}`,
    fill: "var(--text-muted)",
  }),
]

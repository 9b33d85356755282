import type { Supervision } from "@/api/projects"

/** A shape for each kind of supervision, so that colour is not all that tells them apart. */
export const SYMBOLS = {
  "source-only": "square",
  pseudo: "triangle",
  image: "diamond",
  point: "circle",
} as const satisfies Record<Supervision, string>

const OUTLINES: Record<Supervision, string> = {
  "source-only": "M2.5 2.5h9v9h-9z",
  pseudo: "M7 1.5 13 12H1z",
  image: "M7 1l5 6-5 6-5-6z",
  point: "M7 2a5 5 0 1 1 0 10a5 5 0 1 1 0-10z",
}

/** The shape in the legend and in tables. */
export function SymbolMark({ supervision }: { supervision: Supervision }) {
  return (
    <svg viewBox="0 0 14 14" width="14" height="14" aria-hidden="true">
      <path d={OUTLINES[supervision]} fill={`var(--chart-${supervision})`} />
    </svg>
  )
}

import type { CostPoint } from "@/api/runs"

export type Measure = "miou" | "presence_f1" | "point_accuracy"

export const MEASURES = [
  {
    value: "miou",
    label: "mIoU",
    description: "Mean intersection over union on the validation masks.",
  },
  {
    value: "presence_f1",
    label: "Presence F1",
    description: "How well the categories that are present are found.",
  },
  {
    value: "point_accuracy",
    label: "Point accuracy",
    description: "Share of held-out points whose pixel is predicted right.",
  },
] as const satisfies readonly { value: Measure; label: string; description: string }[]

/** The measures that at least one run has. */
export const measuresOf = (points: readonly CostPoint[]) =>
  MEASURES.filter(({ value }) => points.some((point) => point[value] !== null))

/** A run as a point of the chart. */
export type Plotted = { point: CostPoint; hours: number; value: number }

export const plotted = (points: readonly CostPoint[], measure: Measure): Plotted[] =>
  points.flatMap((point) => {
    const value = point[measure]
    return value === null ? [] : [{ point, hours: point.active_hours, value }]
  })

/**
 * What no labelling buys: the source-only run that the newest run is held against, or which is the
 * newest run itself. Null when there is none of the same recipe and data.
 */
export function sourceOnlyMiou(points: readonly CostPoint[]): number | null {
  const newest = points.toSorted((a, b) => b.finished_at.localeCompare(a.finished_at))
  const last = newest.find(({ miou }) => miou !== null)
  return (last?.supervision === "source-only" ? last.miou : last?.baseline_miou) ?? null
}

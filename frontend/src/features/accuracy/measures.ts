import type { CostPoint } from "@/api/runs"

const MINUTE_HOURS = 1 / 60
const SECOND_HOURS = MINUTE_HOURS / 60

type OfRuns = {
  value: string
  label: string
  description: string
  of: (point: CostPoint) => number | null
}

const RUNS_AS_A_WHOLE: readonly OfRuns[] = [
  {
    value: "miou",
    label: "mIoU",
    description: "Mean intersection over union on the validation masks.",
    of: ({ miou }) => miou,
  },
  {
    value: "weak_label_score",
    label: "Weak-label score",
    description: "What labels that no run learned from say of it: tags and points in one number.",
    of: ({ weak_label_score }) => weak_label_score,
  },
  {
    value: "presence_f1",
    label: "Presence F1",
    description: "How well the categories that are present are found.",
    of: ({ presence_f1 }) => presence_f1,
  },
  {
    value: "presence_average_precision",
    label: "Average precision",
    description: "How well images are ranked by the presence of each category.",
    of: ({ presence_average_precision }) => presence_average_precision,
  },
  {
    value: "point_accuracy",
    label: "Point accuracy",
    description: "Share of held-out points whose pixel is predicted right.",
    of: ({ point_accuracy }) => point_accuracy,
  },
]

const ofCategory = (name: string): OfRuns => ({
  value: `iou.${name}`,
  label: `IoU of ${name}`,
  description: `Intersection over union of ${name} on the validation masks.`,
  of: ({ iou }) => iou[name] ?? null,
})

export type Measure = OfRuns

/** The measures that at least one run has: of runs as a whole first, then of each category. */
export function measuresOf(points: readonly CostPoint[]): Measure[] {
  const names = new Set(points.flatMap(({ iou }) => Object.keys(iou)))
  return [...RUNS_AS_A_WHOLE, ...[...names].map(ofCategory)].filter(({ of }) =>
    points.some((point) => of(point) !== null),
  )
}

export type Axis = "active" | "wall" | "labels" | "answers"

export const AXES = [
  { value: "active", label: "Active hours" },
  { value: "wall", label: "Wall hours" },
  { value: "labels", label: "Labels" },
  { value: "answers", label: "Answers" },
] as const satisfies readonly { value: Axis; label: string }[]

const ALONG: Record<Axis, (point: CostPoint) => number | null> = {
  active: ({ active_hours }) => active_hours,
  wall: ({ wall_hours }) => wall_hours,
  labels: ({ labels }) => labels,
  answers: ({ answers }) => answers,
}

export const isTime = (axis: Axis): boolean => axis === "active" || axis === "wall"

/** A run as a point of the chart. */
export type Plotted = {
  point: CostPoint
  x: number
  value: number
  low: number | null
  high: number | null
  line: string
}

export function plotted(
  points: readonly CostPoint[],
  measure: Measure,
  axis: Axis = "active",
): Plotted[] {
  return points.flatMap((point) => {
    const value = measure.of(point)
    const x = ALONG[axis](point)
    if (value === null || x === null) return []
    const interval = point.intervals[measure.value]
    const [low, high] = [interval?.low ?? null, interval?.high ?? null]
    return [{ point, x, value, low, high, line: lineOf(point) }]
  })
}

/** Runs of one supervision and recipe are one line. */
export const lineOf = ({ supervision, recipe }: CostPoint): string => `${supervision} ${recipe}`

/** What a line goes through: the mean of runs at the same place, which differ by their seeds. */
export function means(runs: readonly Plotted[]): { line: string; x: number; value: number }[] {
  const groups = new Map<string, Plotted[]>()
  for (const run of runs) {
    const place = `${run.line} ${run.x}`
    groups.set(place, [...(groups.get(place) ?? []), run])
  }
  return [...groups.values()]
    .map((group) => ({
      line: group[0]?.line ?? "",
      x: group[0]?.x ?? 0,
      value: group.reduce((sum, { value }) => sum + value, 0) / group.length,
    }))
    .toSorted((a, b) => a.x - b.x)
}

const PUBLISHED_SECONDS = { image: 30, point: 45 }

/**
 * Where runs would be if their images had taken the published times: 30 s for tags and 45 s for
 * points of one image.
 */
export const published = (runs: readonly Plotted[]): Plotted[] =>
  runs.flatMap((run) => {
    const { supervision, images } = run.point
    if (supervision !== "image" && supervision !== "point") return []
    return [{ ...run, x: images * PUBLISHED_SECONDS[supervision] * SECOND_HOURS }]
  })

const DENSE_MINUTES = 90

/** Hours that masks of as many images would have taken: 90 minutes each. */
export const denseHours = (points: readonly CostPoint[]): number =>
  Math.max(0, ...points.map(({ images }) => images)) * DENSE_MINUTES * MINUTE_HOURS

/** In which unit an axis of so many hours reads best, and how many hours that is. */
export function unitOf(farthest: number): { name: string; hours: number } {
  if (farthest < 2 * MINUTE_HOURS) return { name: "seconds", hours: SECOND_HOURS }
  if (farthest < 1) return { name: "minutes", hours: MINUTE_HOURS }
  return { name: "hours", hours: 1 }
}

/**
 * What no labelling buys: the source-only run that the newest run is held against, or which is the
 * newest run itself. Null when there is none of the same recipe and data.
 */
export function sourceOnlyMiou(points: readonly CostPoint[]): number | null {
  const newest = points.toSorted((a, b) => b.finished_at.localeCompare(a.finished_at))
  const last = newest.find(({ miou }) => miou !== null)
  return (last?.supervision === "source-only" ? last.miou : last?.baseline_miou) ?? null
}

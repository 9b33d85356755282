import { expect, test } from "vitest"
import type { CostPoint } from "@/api/runs"
import {
  denseHours,
  means,
  measuresOf,
  plotted,
  published,
  sourceOnlyMiou,
  unitOf,
} from "./measures"

const point = (change: Partial<CostPoint>): CostPoint => ({
  run_id: 1,
  supervision: "point",
  recipe: "cpu-small",
  finished_at: "2026-11-22T10:00:00Z",
  labels: 10,
  images: 10,
  points: 40,
  active_hours: 0.1,
  wall_hours: 0.2,
  miou: 0.5,
  source_only_miou: 0.3,
  presence_f1: null,
  point_accuracy: null,
  selection: "last step",
  baseline_run_id: null,
  baseline_miou: null,
  gain: null,
  snapshot_id: null,
  answers: 20,
  hours_by_kind: null,
  presence_average_precision: null,
  weak_label_score: null,
  setting: "a",
  seeds: 1,
  seed_deviation: null,
  iou: {},
  intervals: {},
  ...change,
})

const miou = (points: CostPoint[]) => measuresOf(points)[0] ?? expect.fail("no measure")
const names = (points: CostPoint[]) => measuresOf(points).map(({ value }) => value)

test("only measures that some run has are offered, those of categories last", () => {
  expect(names([])).toEqual([])
  const points = [point({ miou: null, presence_f1: 0.8 }), point({ miou: null })]
  expect(names(points)).toEqual(["presence_f1"])
  const scored = [point({ iou: { Road: 0.9, Tram: null } }), point({ iou: { Car: 0.4 } })]
  expect(names(scored)).toEqual(["miou", "iou.Road", "iou.Car"])
})

test("runs without the measure or without a place on the axis are not drawn", () => {
  const points = [point({ run_id: 1, miou: null }), point({ run_id: 2, active_hours: 2 })]
  const drawn = { point: points[1], x: 2, value: 0.5, low: null, high: null }
  expect(plotted(points, miou(points))).toEqual([{ ...drawn, line: "point cpu-small" }])
  const unknown = [point({ answers: null }), point({ answers: 7 })]
  expect(plotted(unknown, miou(unknown), "answers").map(({ x }) => x)).toEqual([7])
})

test("a run has the interval of what is drawn", () => {
  const intervals = { miou: { low: 0.4, high: 0.6 }, "iou.Car": { low: 0.1, high: 0.2 } }
  const points = [point({ intervals, iou: { Car: 0.15 } })]
  const [overall, car] = measuresOf(points).map((measure) => plotted(points, measure)[0])
  expect([overall?.low, overall?.high]).toEqual([0.4, 0.6])
  expect([car?.low, car?.high]).toEqual([0.1, 0.2])
})

test("two recipes are two lines, and seeds meet in their mean", () => {
  const points = [
    point({ miou: 0.4, active_hours: 1 }),
    point({ miou: 0.6, active_hours: 1 }),
    point({ miou: 0.3, active_hours: 0.5 }),
    point({ miou: 0.9, active_hours: 1, recipe: "large" }),
  ]
  expect(means(plotted(points, miou(points)))).toEqual([
    { line: "point cpu-small", x: 0.5, value: 0.3 },
    { line: "point cpu-small", x: 1, value: 0.5 },
    { line: "point large", x: 1, value: 0.9 },
  ])
})

test("published times are of images, and masks cost 90 minutes each", () => {
  const points = [
    point({ supervision: "image", images: 120 }),
    point({ supervision: "point", images: 80 }),
    point({ supervision: "source-only", images: 0 }),
  ]
  expect(published(plotted(points, miou(points))).map(({ x }) => x)).toEqual([1, 1])
  expect(denseHours(points)).toBe(180)
  expect(denseHours([])).toBe(0)
})

test.each([
  [0.02, "seconds"],
  [0.5, "minutes"],
  [1, "hours"],
])("%d hours are read in %s", (hours, name) => {
  expect(unitOf(hours).name).toBe(name)
})

test("the reference is the source-only run that the newest run is held against", () => {
  const own = point({ supervision: "source-only", miou: 0.31, finished_at: "2026-11-23T10:00:00Z" })
  const labelled = point({ baseline_miou: 0.33 })
  expect(sourceOnlyMiou([labelled, { ...own, finished_at: "2026-11-20T10:00:00Z" }])).toBe(0.33)
  expect(sourceOnlyMiou([labelled, own])).toBe(0.31)
})

test("without one there is none: what a run had after its warm-up is something else", () => {
  expect(sourceOnlyMiou([point({ source_only_miou: 0.4 })])).toBeNull()
  expect(sourceOnlyMiou([])).toBeNull()
})

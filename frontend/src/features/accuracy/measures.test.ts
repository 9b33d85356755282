import { expect, test } from "vitest"
import type { CostPoint } from "@/api/runs"
import { measuresOf, plotted, sourceOnlyMiou } from "./measures"

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

test("only measures that some run has are offered", () => {
  expect(measuresOf([]).map(({ value }) => value)).toEqual([])
  const points = [point({ miou: null, presence_f1: 0.8 }), point({ miou: null })]
  expect(measuresOf(points).map(({ value }) => value)).toEqual(["presence_f1"])
})

test("runs without the measure are not drawn", () => {
  const points = [point({ run_id: 1, miou: null }), point({ run_id: 2, active_hours: 2 })]
  expect(plotted(points, "miou")).toEqual([{ point: points[1], hours: 2, value: 0.5 }])
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

import { expect, test } from "vitest"
import type { Forecast, KindForecast } from "@/api/forecast"
import { inPoints, judgedSentence, sentenceOf, stopSentence } from "./forecasts"

const gain = { estimate: 0.012, low: 0.004, high: 0.021 }

const kind = (change: Partial<KindForecast>): KindForecast => ({
  kind: "tags",
  supervision: "image",
  runs: 6,
  hours: 3,
  family: "power",
  now: gain,
  gain,
  ceiling: gain,
  missing: null,
  categories: [],
  judged: [],
  ...change,
})

const forecast = (change: Partial<Forecast>): Forecast => ({
  project_id: 1,
  measure: "miou",
  recipe: "tiny",
  stop_below: null,
  kinds: [],
  stop: { answer: "not-asked", kind: null, supervision: null, gain: null },
  ranking: null,
  ...change,
})

test("one sentence says what an hour brings, and for which categories", () => {
  const categories = [
    { category: "Car", gain: { ...gain, estimate: 0.03 } },
    { category: "Tree", gain },
    { category: "Road", gain: { estimate: 0, low: 0, high: 0 } },
  ]
  const tags = kind({ categories })
  expect(sentenceOf(tags, forecast({ kinds: [tags] }))).toBe(
    "Another hour of tagging is expected to bring 1.2 percentage points of mIoU (0.4 to 2.1), most for Car and Tree.",
  )
})

test("where runs are missing it says which", () => {
  const missing = { runs: 2, hours: [0, 0.5] }
  const points = kind({ kind: "points", gain: null, missing })
  expect(sentenceOf(points, forecast({ kinds: [points] }))).toBe(
    "Not enough runs yet to say what another hour of clicking points brings: 2 more runs would do, best with none and 30 min 00 s of labelling.",
  )
})

test("two supervisions of one kind are told apart", () => {
  const kinds = [kind({}), kind({ supervision: "point" })]
  expect(kinds.map((each) => sentenceOf(each, forecast({ kinds })).split(" is ")[0])).toEqual([
    "Another hour of tagging for runs on image-level labels",
    "Another hour of tagging for runs on point labels",
  ])
})

test("a threshold makes an answer", () => {
  const kinds = [kind({})]
  const stop = { answer: "stop", kind: "tags", supervision: "image", gain } as const
  expect(stopSentence(forecast({ kinds, stop, stop_below: 0.02 }))).toBe(
    "It is time to stop: an hour is best spent on tagging, and expected to bring 1.2 percentage points, less than the 2.0 that this project asks for.",
  )
  const on = { ...stop, answer: "go-on" } as const
  expect(stopSentence(forecast({ kinds, stop: on, stop_below: 0.005 }))).toContain("go on")
  expect(stopSentence(forecast({ kinds, stop }))).toBeNull()
  const unknown = { ...stop, answer: "not-known", gain: null } as const
  expect(stopSentence(forecast({ kinds, stop: unknown, stop_below: 0.01 }))).toBeNull()
})

test("earlier forecasts are counted", () => {
  const judged = (inside: boolean) => ({ run_id: 1, hours: 1, forecast: gain, came: 0.5, inside })
  expect(judgedSentence([kind({})])).toBeNull()
  const kinds = [kind({ judged: [judged(true), judged(false)] }), kind({ judged: [judged(true)] })]
  expect(judgedSentence(kinds)).toContain("2 of 3 earlier runs")
})

test("points are fractions times a hundred, without a negative nothing", () => {
  expect([0.0123, -0.0123, -0.0001].map(inPoints)).toEqual(["1.2", "−1.2", "0.0"])
})

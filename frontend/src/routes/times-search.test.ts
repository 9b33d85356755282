import { expect, test } from "vitest"
import { parseTimesSearch } from "./times-search"

test("an address says a label, a snapshot or a figure, and nonsense says nothing", () => {
  expect(parseTimesSearch({ label: 3, snapshot: 4 })).toEqual({ label: 3 })
  expect(parseTimesSearch({ snapshot: 4, by: "kind" })).toEqual({ snapshot: 4 })
  expect(parseTimesSearch({ annotator: "a17", by: "category", value: 7 })).toEqual({
    annotator: "a17",
    by: "category",
    value: "7",
  })
  expect(parseTimesSearch({ label: "x", snapshot: -1, annotator: "17", by: "all day" })).toEqual({})
})

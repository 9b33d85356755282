import { expect, test } from "vitest"
import { parseImageFilter } from "./image-filter"

test("every condition is read from an address", () => {
  const search = {
    state: "disputed",
    category: "Car",
    said: "absent",
    annotator: 4,
    disagrees: true,
    order: "uncertain",
  }
  expect(parseImageFilter(search)).toEqual(search)
})

test("the same list has one address: what is usual is left out", () => {
  expect(parseImageFilter({ said: "present", category: "Car", order: "imported" })).toEqual({
    category: "Car",
  })
  expect(parseImageFilter({ said: "absent", disagrees: false })).toEqual({})
})

test("a category may be called by a number", () => {
  expect(parseImageFilter({ category: 7 })).toEqual({ category: "7" })
})

test.each([
  { state: "gone" },
  { category: "x".repeat(101) },
  { category: ["Car"] },
  { annotator: -1 },
  { annotator: "4; drop" },
  { annotator: 1.5 },
  { disagrees: "perhaps" },
  { order: "size" },
])("%j is no condition", (search) => {
  expect(parseImageFilter(search)).toEqual({})
})

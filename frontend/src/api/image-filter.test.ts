import { expect, test } from "vitest"
import { parseImageFilter, parseListPlace } from "./image-filter"

test("every condition is read from an address", () => {
  const search = {
    state: "disputed",
    name: "cam3/0012",
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
  { name: "x".repeat(501) },
  { name: "" },
  { category: ["Car"] },
  { annotator: -1 },
  { annotator: "4; drop" },
  { annotator: 1.5 },
  { disagrees: "perhaps" },
  { order: "size" },
])("%j is no condition", (search) => {
  expect(parseImageFilter(search)).toEqual({})
})

test.each([
  [
    { page: 3, after: "120" },
    { page: 3, after: "120" },
  ],
  [
    { page: 2, before: 180 },
    { page: 2, before: "180" },
  ],
  [
    { page: -1, name: 12 },
    { page: -1, name: "12" },
  ],
  [
    { page: 7, after: "1", before: "2" },
    { page: 7, after: "1" },
  ],
  [{ page: 1 }, {}],
  [{ page: 0, after: "x".repeat(51) }, {}],
  [{ page: 2.5 }, {}],
  [{ page: -2 }, {}],
])("a place in a list is read from an address: %j", (search, read) => {
  expect({ ...parseImageFilter(search), ...parseListPlace(search) }).toEqual(read)
})

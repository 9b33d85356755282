import { expect, test } from "vitest"
import { waysFrom } from "./page-bar"

test("from the first page", () => {
  expect(waysFrom(1, { previous_cursor: null, next_cursor: "60" }, 4)).toEqual({
    first: null,
    previous: null,
    next: { page: 2, after: "60" },
    last: { page: 4 },
  })
})

test("from one between others, and of how many is not known", () => {
  expect(waysFrom(3, { previous_cursor: "121", next_cursor: "180" }, undefined)).toEqual({
    first: {},
    previous: { page: 2, before: "121" },
    next: { page: 4, after: "180" },
    last: { page: -1 },
  })
})

test("the first page has one address", () => {
  expect(waysFrom(2, { previous_cursor: "61", next_cursor: null }, 2).previous).toEqual({})
})

test("from the last of nobody knows how many", () => {
  expect(waysFrom(-1, { previous_cursor: "900", next_cursor: null }, undefined)).toEqual({
    first: {},
    previous: { before: "900" },
    next: null,
    last: null,
  })
})

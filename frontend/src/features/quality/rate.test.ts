import { expect, test } from "vitest"
import { intervalOf, missesOf } from "./rate"

test("a share of nothing has no interval", () => {
  expect(intervalOf({ hits: 0, of: 0, share: null, low: null, high: null })).toBeNull()
  expect(intervalOf({ hits: 1, of: 2, share: 0.5, low: 0.1, high: 0.9 })).toEqual({
    share: 0.5,
    low: 0.1,
    high: 0.9,
  })
})

test.each([
  [0, 0, ""],
  [2, 0, "2 off"],
  [0, 1200, "1,200 on void"],
  [2, 1, "2 off, 1 on void"],
])("%i clicks off and %i on void", (off, onVoid, said) => {
  const rate = (hits: number) => ({ hits, of: 2000, share: 0, low: 0, high: 1 })
  expect(missesOf({ clicks_off: rate(off), clicks_on_void: rate(onVoid) })).toBe(said)
})

import { expect, test } from "vitest"
import { differenceOf, isBeyondChance } from "./chance"

test("a share of nothing differs from nothing", () => {
  const nothing = { share: null, of: 0 }
  expect(differenceOf({ share: 0.5, of: 10 }, nothing)).toBeNull()
  expect(isBeyondChance({ share: 0.5, of: 10 }, nothing)).toBe(false)
})

// By hand: 60 of 100 and 40 of 100 pool to 0.5; the standard error is sqrt(0.25 * 2 / 100) = 0.0707,
// so that the difference of 0.2 is 2.83 of them; with 200 each it is 4.
test.each([
  [100, false],
  [200, true],
])("60 %% against 40 %% of %i answers each: %s", (of, is) => {
  expect(isBeyondChance({ share: 0.6, of }, { share: 0.4, of })).toBe(is)
  expect(isBeyondChance({ share: 0.4, of }, { share: 0.6, of })).toBe(is)
})

test("too few answers prove nothing, however far apart they are", () => {
  expect(isBeyondChance({ share: 1, of: 6 }, { share: 0, of: 6 })).toBe(false)
  expect(isBeyondChance({ share: 0.02, of: 1000 }, { share: 0.4, of: 10 })).toBe(false)
})

test("what is always or never there does not differ", () => {
  expect(isBeyondChance({ share: 1, of: 500 }, { share: 1, of: 500 })).toBe(false)
})

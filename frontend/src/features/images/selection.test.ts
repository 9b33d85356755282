import { expect, test } from "vitest"
import { extended, NOTHING_SELECTED, toggled } from "./selection"

const ORDER = [9, 4, 7, 2, 5]
const chosen = (selection: { ids: ReadonlySet<number> }) =>
  ORDER.filter((id) => selection.ids.has(id))

test("one after the other, and back", () => {
  const two = toggled(toggled(NOTHING_SELECTED, 4), 5)
  expect(chosen(two)).toEqual([4, 5])
  expect(chosen(toggled(two, 4))).toEqual([5])
})

test.each([
  [4, 2, [4, 7, 2]],
  [2, 4, [4, 7, 2]],
  [7, 7, [7]],
])("a range from %i to %i follows the order on the page", (from, to, ids) => {
  expect(chosen(extended(toggled(NOTHING_SELECTED, from), to, ORDER))).toEqual(ids)
})

test("a range that starts at one that was taken out takes out", () => {
  const all = { ids: new Set(ORDER), anchor: null }
  expect(chosen(extended(toggled(all, 4), 2, ORDER))).toEqual([9, 5])
})

test("the next range starts where the last one ended", () => {
  const first = extended(toggled(NOTHING_SELECTED, 9), 4, ORDER)
  expect(chosen(extended(first, 2, ORDER))).toEqual([9, 4, 7, 2])
})

test("without a beginning on the page, a range is one image", () => {
  expect(chosen(extended(NOTHING_SELECTED, 7, ORDER))).toEqual([7])
  expect(chosen(extended({ ids: new Set([1]), anchor: 1 }, 7, ORDER))).toEqual([7])
})

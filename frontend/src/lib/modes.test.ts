import { expect, test } from "vitest"
import { ASKED } from "./modes"

test.each([
  ["tags", false],
  ["tiles", false],
  ["points", true],
  ["tags-and-points", true],
] as const)("in mode %s people click: %s", (mode, doClick) => {
  expect(ASKED[mode].asksPoints).toBe(doClick)
})

test("only in tiles is a category not one answer for the whole image, and so not swept", () => {
  const unswept = Object.entries(ASKED).filter(([, { canBeSwept }]) => !canBeSwept)
  expect(unswept.map(([name]) => name)).toEqual(["tiles"])
})

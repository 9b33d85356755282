import { expect, test } from "vitest"
import { formatKappa, wordOf } from "./kappa"

test.each([
  [-0.4, "poor"],
  [0.2, "poor"],
  [0.21, "fair"],
  [0.6, "moderate"],
  [0.75, "good"],
  [0.81, "very good"],
  [1, "very good"],
])("a kappa of %f is %s", (kappa, word) => {
  expect(wordOf(kappa)).toBe(word)
})

test("kappa has two decimals and a minus sign", () => {
  expect([formatKappa(0.5), formatKappa(-0.128)]).toEqual(["0.50", "−0.13"])
})

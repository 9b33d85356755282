import { expect, test } from "vitest"
import { wordsOf } from "./provider-sign-in"

test("a code has words, and whatever else stands in an address has none", () => {
  expect(wordsOf("no-account")).toMatch(/administrator/)
  for (const other of ["Call 0900 123", "constructor", "__proto__", "", "<b>"])
    expect(wordsOf(other)).toBe("You could not be signed in.")
})

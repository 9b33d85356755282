import { expect, test } from "vitest"
import { expiryAfter } from "./scopes"

test("a token expires whole days from now", () => {
  const now = Date.UTC(2026, 10, 22, 12, 30)
  expect(expiryAfter("7", now)).toBe("2026-11-29T12:30:00.000Z")
  expect(expiryAfter("365", now)).toBe("2027-11-22T12:30:00.000Z")
})

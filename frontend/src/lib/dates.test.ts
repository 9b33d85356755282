import { expect, test } from "vitest"
import { formatAgo } from "./dates"

test("how long ago, up to a day", () => {
  const now = Date.UTC(2026, 10, 22, 12)
  expect(formatAgo("2026-11-22T11:59:30Z", now)).toBe("just now")
  expect(formatAgo("2026-11-22T11:15:00Z", now)).toBe("45 min ago")
  expect(formatAgo("2026-11-22T07:00:00Z", now)).toBe("5 h ago")
  expect(formatAgo("2026-11-20T07:00:00Z", now)).toBe("20 Nov 2026")
})

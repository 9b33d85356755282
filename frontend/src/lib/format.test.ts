import { expect, test } from "vitest"
import { formatBytes, formatDuration, formatHours, formatPercent, formatPlural } from "./format"

test.each([
  [0, "0.0 s"],
  [8120, "8.1 s"],
  [10_000, "10 s"],
  [59_999, "59 s"],
  [60_000, "1 min 00 s"],
  [245_000, "4 min 05 s"],
  [3_600_000, "1 h 00 min"],
  [7_620_000, "2 h 07 min"],
])("%d ms is %s", (milliseconds, text) => {
  expect(formatDuration(milliseconds)).toBe(text)
})

test.each([
  [0, "0 B"],
  [999, "999 B"],
  [1000, "1.0 kB"],
  [18_612_345, "18.6 MB"],
  [123_456_789, "123 MB"],
  [2_500_000_000, "2.5 GB"],
])("%d bytes are %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text)
})

test("a share is shown as a percentage, and none as a dash", () => {
  expect(formatPercent(0.5432)).toBe("54.3 %")
  expect(formatPercent(0)).toBe("0.0 %")
  expect(formatPercent(null)).toBe("–")
})

test("hours keep two decimals while they are few", () => {
  expect(formatHours(0.0045)).toBe("16 s")
  expect(formatHours(0.254)).toBe("15 min 14 s")
  expect(formatHours(1.254)).toBe("1.25 h")
  expect(formatHours(12.34)).toBe("12.3 h")
})

test("one is not plural", () => {
  expect(formatPlural(1, "image")).toBe("1 image")
  expect(formatPlural(1200, "image")).toBe("1,200 images")
  expect(formatPlural(2, "category", "categories")).toBe("2 categories")
})

import { expect, test } from "vitest"
import { activeTime, type ClockEvent } from "@/lib/clock"
import { stretchesOf, totalOf } from "./trail"

// Gaps of 3, 17 (hidden for 5 in between) and 40 s.
const EVENTS: ClockEvent[] = [
  { at: 3_000, kind: "input" },
  { at: 5_000, kind: "hidden" },
  { at: 10_000, kind: "visible" },
  { at: 25_000, kind: "input" },
]

test("every moment counts as one thing", () => {
  expect(stretchesOf(EVENTS, 65_000, 10_000)).toEqual([
    { from: 0, to: 5_000, kind: "active" },
    { from: 5_000, to: 10_000, kind: "hidden" },
    { from: 10_000, to: 18_000, kind: "active" },
    { from: 18_000, to: 25_000, kind: "idle" },
    { from: 25_000, to: 35_000, kind: "active" },
    { from: 35_000, to: 65_000, kind: "idle" },
  ])
})

test.each([[EVENTS], [[]], [[{ at: 100, kind: "wait-start" } as const]]])(
  "active stretches add up to the active time",
  (events) => {
    const stretches = stretchesOf(events, 65_000, 10_000)
    expect(totalOf(stretches, "active")).toBe(activeTime(65_000, events))
    expect(stretches.at(-1)?.to).toBe(65_000)
  },
)

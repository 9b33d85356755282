// @vitest-environment node
import { describe, expect, it } from "vitest"
import { continued, dayOf, NO_STREAK, streakFrom } from "./streak"

describe("a streak", () => {
  it("counts the images of a day and the days in a row", () => {
    const days = ["2026-11-29", "2026-11-30", "2026-11-30", "2026-12-01"]
    expect(days.reduce(continued, NO_STREAK)).toEqual({ day: "2026-12-01", images: 1, days: 3 })
  })

  it("begins anew after a day without labels", () => {
    const streak = ["2026-02-27", "2026-03-01"].reduce(continued, NO_STREAK)
    expect(streak).toEqual({ day: "2026-03-01", images: 1, days: 1 })
  })

  it("is kept until the next day is over", () => {
    const kept = { day: "2026-11-22", images: 7, days: 4 }
    expect(streakFrom(kept, "2026-11-22")).toEqual(kept)
    expect(streakFrom(kept, "2026-11-23")).toEqual({ ...kept, images: 0 })
    expect(streakFrom(kept, "2026-11-24")).toEqual(NO_STREAK)
  })

  it("is none when what was kept is nothing of the kind", () => {
    for (const kept of [null, 3, "x", { day: 5 }, { day: "soon", images: 1, days: 1 }])
      expect(streakFrom(kept, "2026-11-24")).toEqual(NO_STREAK)
  })

  it("goes by the device's own days", () => {
    expect(dayOf(new Date(2026, 0, 5, 23, 59))).toBe("2026-01-05")
  })
})

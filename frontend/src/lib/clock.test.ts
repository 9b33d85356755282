// @vitest-environment node
import { describe, expect, it } from "vitest"
import { activeTime, Clock, type ClockEvent } from "./clock"

/** A clock whose time is set by hand. */
function clockAt(start = 5000) {
  const time = { ms: start }
  const clock = new Clock(() => time.ms)
  return {
    clock,
    at: (ms: number) => {
      time.ms = start + ms
      return clock
    },
  }
}

const input = (at: number): ClockEvent => ({ at, kind: "input" })

describe("activeTime", () => {
  it("is the wall time of somebody who never pauses", () => {
    expect(activeTime(8000, [input(2000), input(5000)])).toBe(8000)
  })

  it("counts ten seconds of a longer gap", () => {
    expect(activeTime(31_000, [input(1000), input(30_000)])).toBe(1000 + 10_000 + 1000)
  })

  it("limits the gap before the first input and the one before submit", () => {
    expect(activeTime(60_000, [input(30_000)])).toBe(20_000)
    expect(activeTime(60_000, [])).toBe(10_000)
  })

  it("adds nothing while the tab is hidden", () => {
    const events: ClockEvent[] = [
      input(1000),
      { at: 2000, kind: "hidden" },
      { at: 602_000, kind: "visible" },
      input(603_000),
    ]
    expect(activeTime(604_000, events)).toBe(4000)
  })

  it("adds nothing while the person waits for us", () => {
    const events: ClockEvent[] = [
      { at: 500, kind: "wait-start" },
      { at: 4500, kind: "wait-end" },
      input(5000),
    ]
    expect(activeTime(6000, events)).toBe(2000)
  })

  it("counts time once that is both hidden and waited", () => {
    const events: ClockEvent[] = [
      { at: 1000, kind: "wait-start" },
      { at: 2000, kind: "hidden" },
      { at: 3000, kind: "wait-end" },
      { at: 4000, kind: "visible" },
    ]
    expect(activeTime(5000, events)).toBe(2000)
  })

  it("does not make two short gaps of one long gap that was hidden in the middle", () => {
    const events: ClockEvent[] = [
      input(0),
      { at: 9000, kind: "hidden" },
      { at: 10_000, kind: "visible" },
      input(19_000),
    ]
    expect(activeTime(19_000, events)).toBe(10_000)
  })
})

describe("Clock", () => {
  it("starts at nothing wherever the page's own time is", () => {
    const { at } = clockAt(123_456)
    expect(at(0).read()).toEqual({ wall_ms: 0, active_ms: 0, events: [] })
  })

  it("replays ten idle seconds as at most the limit", () => {
    const { at } = clockAt()
    at(1000).input()
    at(3000).input()
    const idle = at(13_000).read()
    expect(idle.active_ms).toBe(13_000)
    const longer = at(23_000).read()
    expect(longer.active_ms).toBe(13_000)
    expect(longer.wall_ms).toBe(23_000)
  })

  it("does not count a hidden tab", () => {
    const { at } = clockAt()
    at(1000).input()
    at(1500).hide()
    at(1600).hide()
    at(91_500).show()
    at(92_000).input()
    const timing = at(92_500).read()
    expect(timing.active_ms).toBe(2500)
    expect(timing.events).toEqual([
      input(1000),
      { at: 1500, kind: "hidden" },
      { at: 91_500, kind: "visible" },
      input(92_000),
    ])
  })

  it("keeps both ends of every gap beside a burst of pointer moves", () => {
    const { at } = clockAt()
    for (let ms = 0; ms <= 1000; ms += 16) at(ms).input()
    at(12_000).input()
    const timing = at(12_100).read()
    expect(timing.events.length).toBeLessThan(8)
    expect(timing.events.at(-2)).toEqual(input(992))
    expect(timing.events.at(-1)).toEqual(input(12_000))
    expect(timing.active_ms).toBe(992 + 10_000 + 100)
  })

  it("keeps the last input of a burst before the tab is hidden", () => {
    const { at } = clockAt()
    at(0).input()
    at(100).input()
    at(5000).hide()
    expect(at(5000).read().events).toEqual([input(0), input(100), { at: 5000, kind: "hidden" }])
  })

  it("is read again later and runs on", () => {
    const { at } = clockAt()
    at(100).input()
    expect(at(1000).read().wall_ms).toBe(1000)
    expect(at(2000).read().wall_ms).toBe(2000)
  })

  it("sends at most 5000 moments and still the same active time", () => {
    const { at } = clockAt()
    const hour = 3_600_000
    for (let ms = 0; ms < hour; ms += 300) at(ms).input()
    at(hour + 60_000).input()
    const timing = at(hour + 60_000).read()
    expect(timing.events.length).toBeLessThanOrEqual(5000)
    expect(timing.active_ms).toBe(hour - 300 + 10_000)
  })

  it("stands still where the machine's clock goes back, and goes on from there", () => {
    const { at } = clockAt()
    at(5000).input()
    at(1000).input()
    at(1500).hide()
    at(2000).show()
    expect(at(3000).read()).toMatchObject({ wall_ms: 5000, active_ms: 5000 })
    at(7000).input()
    const { events } = at(7100).read()
    expect(events.map((event) => event.at)).toEqual([5000, 5000, 5000, 5000, 7000])
  })

  it("counts the work of a page that was open for eight days", () => {
    const { at } = clockAt()
    const days = 8 * 24 * 3_600_000
    at(2000).hide()
    at(days).show()
    for (let ms = 1000; ms <= 6000; ms += 1000) at(days + ms).input()
    const timing = at(days + 7000).read()
    expect(timing).toMatchObject({ wall_ms: days + 7000, active_ms: 9000 })
  })
})

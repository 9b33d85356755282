// @vitest-environment node
import { describe, expect, it } from "vitest"
import { Breaks } from "./breaks"

const MINUTE = 60_000

/** Works with an input a minute; whether a break is due at the end. */
function work(breaks: Breaks, from: number, to: number): boolean {
  let isDue = false
  for (let minute = from; minute <= to; minute++) isDue = breaks.input(minute * MINUTE)
  return isDue
}

describe("Breaks", () => {
  it("are due after fifty minutes of work", () => {
    const breaks = new Breaks()
    expect(work(breaks, 0, 49)).toBe(false)
    expect(work(breaks, 50, 50)).toBe(true)
  })

  it("are not due after one was taken", () => {
    const breaks = new Breaks()
    work(breaks, 0, 40)
    expect(work(breaks, 47, 95)).toBe(false)
    expect(work(breaks, 96, 97)).toBe(true)
  })

  it("are suggested once an hour to whoever goes on", () => {
    const breaks = new Breaks()
    work(breaks, 0, 50)
    breaks.dismiss(50 * MINUTE)
    expect(work(breaks, 51, 109)).toBe(false)
    expect(work(breaks, 110, 110)).toBe(true)
  })
})

import { describe, expect, it } from "vitest"
import type { OutboxState, Parcel } from "../loop/outbox"
import { othersOf, statusOf } from "./save-status"

function state(count: number, change: Partial<OutboxState> = {}): OutboxState {
  const waiting = Array.from({ length: count }, (_, index) => ({ id: String(index) }) as Parcel)
  const usual = { refused: [], others: [], obstacle: null, isLoaded: true, isFragile: false }
  return { waiting, ...usual, ...change }
}

describe("statusOf", () => {
  it("says where the labels are", () => {
    expect(statusOf(state(0))?.text).toBe("Saved")
    expect(statusOf(state(2))?.text).toBe("2 waiting")
    expect(statusOf(state(3, { obstacle: "unreachable" }))?.text).toBe("Offline: 3 waiting")
    expect(statusOf(state(1, { obstacle: "signed-out" }))?.text).toBe("Signed out: 1 waiting")
  })

  it("says nothing before it knows what an earlier page left behind", () => {
    expect(statusOf(state(0, { isLoaded: false }))).toBeNull()
    expect(statusOf(state(1, { isLoaded: false }))?.text).toBe("1 waiting")
  })

  it("warns when only this page has them", () => {
    const fragile = state(1, { obstacle: "unreachable", isFragile: true })
    expect(statusOf(fragile)?.text).toBe("Offline: 1 waiting, keep this page open")
  })
})

describe("othersOf", () => {
  it("names whose labels wait on this device", () => {
    const of = (annotator: string) => ({ annotator }) as Parcel
    expect(othersOf([])).toBeNull()
    const { text, explanation } = othersOf([of("a@x.org"), of("a@x.org"), of("b@x.org")]) ?? {}
    expect(text).toBe("3 of a@x.org, b@x.org")
    expect(explanation).toBe("3 labels wait here until a@x.org and b@x.org sign in again.")
  })
})

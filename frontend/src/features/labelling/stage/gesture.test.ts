// @vitest-environment node
import { describe, expect, it } from "vitest"
import { Gesture } from "./gesture"

const at = (x: number, y: number, id = 1) => ({ id, at: { x, y } })
const SLACK = 4

describe("Gesture", () => {
  it("is a tap when the finger hardly moves", () => {
    const gesture = new Gesture()
    gesture.down(at(10, 10), null)
    expect(gesture.move(at(12, 13), SLACK)).toBeNull()
    expect(gesture.up(at(12, 13))).toEqual({ kind: "tap", at: { x: 12, y: 13 }, held: null })
  })

  it("is a pan from where it began when the finger moves on, and then no tap", () => {
    const gesture = new Gesture()
    gesture.down(at(10, 10), null)
    gesture.move(at(13, 10), SLACK)
    expect(gesture.move(at(15, 10), SLACK)).toEqual({ kind: "pan", by: { x: 5, y: 0 } })
    expect(gesture.move(at(15, 12), SLACK)).toEqual({ kind: "pan", by: { x: 0, y: 2 } })
    expect(gesture.up(at(15, 12))).toBeNull()
  })

  it("drags a point by where it was taken", () => {
    const gesture = new Gesture()
    gesture.down(at(10, 10), { id: 7, at: { x: 12, y: 9 } })
    const dragged = gesture.move(at(20, 30), SLACK)
    expect(dragged).toEqual({ kind: "drag", held: 7, to: { x: 22, y: 29 } })
  })

  it("taps a point without moving it", () => {
    const gesture = new Gesture()
    gesture.down(at(10, 10), { id: 7, at: { x: 12, y: 9 } })
    expect(gesture.up(at(10, 10))).toEqual({ kind: "tap", at: { x: 10, y: 10 }, held: 7 })
  })

  it("is a pinch with two fingers, and no tap afterwards", () => {
    const gesture = new Gesture()
    gesture.down(at(10, 10, 1), null)
    gesture.down(at(30, 10, 2), null)
    expect(gesture.move(at(40, 10, 2), SLACK)).toEqual({
      kind: "pinch",
      before: [
        { x: 10, y: 10 },
        { x: 30, y: 10 },
      ],
      after: [
        { x: 10, y: 10 },
        { x: 40, y: 10 },
      ],
    })
    expect(gesture.up(at(40, 10, 2))).toBeNull()
    expect(gesture.up(at(10, 10, 1))).toBeNull()
  })

  it("means nothing when a pointer only passes over", () => {
    expect(new Gesture().move(at(10, 10), SLACK)).toBeNull()
  })
})

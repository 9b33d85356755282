// @vitest-environment node

import { describe, expect, it } from "vitest"
import type { Spot } from "../answer/geometry"
import {
  type Bounds,
  pan,
  pinch,
  resized,
  toImage,
  toStage,
  wheelFactor,
  wholeView,
  zoomAt,
} from "./viewport"

const wide: Bounds = { image: { width: 2000, height: 1000 }, stage: { width: 1000, height: 800 } }

describe("wholeView", () => {
  it("takes the whole width of a wide image and centres it", () => {
    expect(wholeView(wide)).toEqual({ scale: 0.5, x: 0, y: 150 })
  })

  it("enlarges a small image", () => {
    const small = { image: { width: 100, height: 100 }, stage: { width: 400, height: 200 } }
    expect(wholeView(small)).toEqual({ scale: 2, x: 100, y: 0 })
  })
})

describe("coordinates", () => {
  it("put the centre of a pixel at .5", () => {
    const viewport = { scale: 10, x: 20, y: 30 }
    expect(toImage(viewport, { x: 25, y: 35 })).toEqual({ x: 0.5, y: 0.5 })
  })

  it("go to the stage and back", () => {
    const viewport = { scale: 0.37, x: -12, y: 33 }
    const there = toStage(viewport, { x: 812.5, y: 500.5 })
    const back = toImage(viewport, there)
    expect(back.x).toBeCloseTo(812.5, 9)
    expect(back.y).toBeCloseTo(500.5, 9)
  })
})

describe("zoomAt", () => {
  it("keeps what is under the cursor", () => {
    const cursor = { x: 700, y: 420 }
    const before = wholeView(wide)
    const after = zoomAt(before, cursor, 4, wide)
    expect(after.scale).toBe(2)
    expect(toImage(after, cursor)).toEqual(toImage(before, cursor))
  })

  it("stops at the whole image", () => {
    const near = zoomAt(wholeView(wide), { x: 10, y: 400 }, 3, wide)
    expect(zoomAt(near, { x: 900, y: 10 }, 0.001, wide)).toEqual(wholeView(wide))
  })

  it("stops at 40 stage pixels for a pixel", () => {
    expect(zoomAt(wholeView(wide), { x: 1, y: 400 }, 1e9, wide).scale).toBe(40)
  })
})

describe("pan", () => {
  const near = zoomAt(wholeView(wide), { x: 500, y: 400 }, 4, wide)

  it("moves the image with the hand", () => {
    expect(pan(near, { x: 30, y: -20 }, wide)).toEqual({ ...near, x: near.x + 30, y: near.y - 20 })
  })

  it("opens no gap beside the image", () => {
    expect(pan(near, { x: 1e6, y: 1e6 }, wide)).toEqual({ scale: 2, x: 0, y: 0 })
    expect(pan(near, { x: -1e6, y: -1e6 }, wide)).toEqual({ scale: 2, x: -3000, y: -1200 })
  })

  it("leaves an image that fits where it is", () => {
    expect(pan(wholeView(wide), { x: 50, y: 50 }, wide)).toEqual(wholeView(wide))
  })
})

describe("pinch", () => {
  it("keeps what is between the fingers", () => {
    const before = wholeView(wide)
    const fingers: [Spot, Spot] = [
      { x: 450, y: 400 },
      { x: 550, y: 400 },
    ]
    const spread: [Spot, Spot] = [
      { x: 400, y: 420 },
      { x: 600, y: 420 },
    ]
    const after = pinch(before, { before: fingers, after: spread }, wide)
    expect(after.scale).toBe(1)
    expect(toImage(after, { x: 500, y: 420 })).toEqual(toImage(before, { x: 500, y: 400 }))
  })
})

describe("resized", () => {
  const larger: Bounds = { ...wide, stage: { width: 2000, height: 1600 } }

  it("keeps a whole view whole", () => {
    expect(resized(wholeView(wide), wide, larger)).toEqual(wholeView(larger))
  })

  it("keeps the middle of a close view in the middle", () => {
    const near = zoomAt(wholeView(wide), { x: 500, y: 400 }, 8, wide)
    const after = resized(near, wide, larger)
    expect(after.scale).toBe(4)
    expect(toImage(after, { x: 1000, y: 800 })).toEqual(toImage(near, { x: 500, y: 400 }))
  })
})

describe("wheelFactor", () => {
  it("is 1 without a turn, more when rolled up, and the inverse when rolled down", () => {
    const turn = (deltaY: number) => wheelFactor({ deltaY, deltaMode: 0, ctrlKey: false })
    expect(turn(0)).toBe(1)
    expect(turn(-100)).toBeGreaterThan(1)
    expect(turn(-100) * turn(100)).toBeCloseTo(1, 12)
  })
})

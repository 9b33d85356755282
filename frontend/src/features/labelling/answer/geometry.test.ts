// @vitest-environment node
import { describe, expect, it } from "vitest"
import { isInside, onImage } from "./geometry"

describe("spots", () => {
  it("are moved onto the image", () => {
    const image = { width: 480, height: 360 }
    expect(onImage({ x: 12.3456, y: 0.5 }, image)).toEqual({ x: 12.35, y: 0.5 })
    expect(onImage({ x: -3, y: 400 }, image)).toEqual({ x: 0, y: 359.99 })
  })

  it("know the image's edge", () => {
    const image = { width: 2000, height: 1000 }
    expect(isInside(image, { x: 1999.99, y: 0 })).toBe(true)
    expect(isInside(image, { x: 2000, y: 0 })).toBe(false)
    expect(isInside(image, { x: 5, y: -0.01 })).toBe(false)
  })
})

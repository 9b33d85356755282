// @vitest-environment node
import { describe, expect, it } from "vitest"
import { boxOf, tileAt, tileBeside, tilesBetween } from "./tiles"

const image = { width: 300, height: 200 }
const grid = { rows: 2, cols: 3 }

describe("tiles", () => {
  it("are counted row by row from the top left", () => {
    const middles = [50, 150].flatMap((y) => [50, 150, 250].map((x) => ({ x, y })))
    expect(middles.map((spot) => tileAt(spot, image, grid))).toEqual([0, 1, 2, 3, 4, 5])
    for (let tile = 0; tile < 6; tile++) {
      const { x, y, width, height } = boxOf(tile, image, grid)
      expect(tileAt({ x: x + width / 2, y: y + height / 2 }, image, grid)).toBe(tile)
    }
  })

  it("end with the image", () => {
    expect(tileAt({ x: -0.1, y: 10 }, image, grid)).toBeNull()
    expect(tileAt({ x: 300, y: 10 }, image, grid)).toBeNull()
    expect(tileAt({ x: 299.9, y: 199.9 }, image, grid)).toBe(5)
  })

  it("are all met by a quick brush, also one that begins beside the image", () => {
    expect(tilesBetween({ x: 10, y: 10 }, { x: 290, y: 10 }, image, grid)).toEqual([0, 1, 2])
    expect(tilesBetween({ x: -90, y: 10 }, { x: 110, y: 110 }, image, grid)).toEqual([0, 3, 4])
  })

  it("are reached from each other by arrow keys, which stop at the edge", () => {
    expect(tileBeside(0, "ArrowRight", grid)).toBe(1)
    expect(tileBeside(1, "ArrowDown", grid)).toBe(4)
    expect(tileBeside(5, "ArrowRight", grid)).toBe(5)
    expect(tileBeside(4, "Enter", grid)).toBeNull()
  })
})

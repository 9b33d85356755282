// @vitest-environment node
import { describe, expect, it } from "vitest"
import type { Rules } from "../modes/mode"
import { points as pointsMode } from "../modes/points"
import { pressed } from "../modes/rules.fixture"
import { tags as tagsMode } from "../modes/tags"
import { tagsAndPoints } from "../modes/tags-and-points"
import { tiles as tilesMode } from "../modes/tiles"
import { announcement } from "./announce"
import { EMPTY_SHEET, type Sheet } from "./sheet"
import { tiled } from "./tiles"
import { clicked, doubted, settled } from "./turns"

const categories = ["Road", "Car"].map((name, id) => ({ id, name, color: "#000000", key: name[0] }))
const form = { categories, pointsPerCategory: 1, grid: { rows: 2, cols: 2 } }
const rules = { ...form, mode: tagsAndPoints } as Rules
const tags = { ...form, mode: tagsMode } as Rules

describe("announcement", () => {
  const car = pressed(EMPTY_SHEET, "Car", rules)
  const both = pressed(car, "Road", rules)
  const onCar = clicked(both, { x: 1, y: 1 }, rules)
  const onBoth = clicked(onCar, { x: 2, y: 2 }, rules)

  it("says what was toggled and whose turn it is", () => {
    expect(announcement(EMPTY_SHEET, car, rules)).toBe("Car present. Click Car.")
    expect(announcement(both, onCar, rules)).toBe("Point on Car. Click Road.")
    expect(announcement(onCar, onBoth, rules)).toBe("Point on Road. All points placed.")
    expect(announcement(onBoth, rules.mode.steppedBack(onBoth), rules)).toBe(
      "Point on Road removed. Click Road.",
    )
    expect(announcement(car, EMPTY_SHEET, rules)).toBe("Car absent. Nothing to click.")
  })

  it("is short where no points are asked for", () => {
    expect(announcement(EMPTY_SHEET, pressed(EMPTY_SHEET, "Car", tags), tags)).toBe("Car present.")
    expect(announcement(EMPTY_SHEET, doubted(EMPTY_SHEET, "Car", tags), tags)).toBe("Car not sure.")
  })

  it("is silent when nothing was said", () => {
    expect(announcement(car, { ...car, selected: 3 }, rules)).toBeNull()
  })

  it("leads through tags and points as two steps", () => {
    const points = { ...form, mode: pointsMode } as Rules
    const ticked = pressed(EMPTY_SHEET, "Car", points)
    const onward = settled(ticked, points)
    expect(announcement(EMPTY_SHEET, ticked, points)).toBe("Car present.")
    expect(announcement(ticked, onward, points)).toBe("Click Car.")
    expect(announcement(onward, points.mode.steppedBack(onward), points)).toBe(
      "Tick what is there.",
    )
  })

  it("names one tile by its place and counts several", () => {
    const tiles = { ...form, mode: tilesMode } as Rules
    const said = (before: Sheet, after: Sheet) => announcement(before, after, tiles)
    const chosen = pressed(EMPTY_SHEET, "Car", tiles)
    const one = tiled(chosen, [2], true)
    expect(said(EMPTY_SHEET, chosen)).toBe("Tiles of Car.")
    expect(said(chosen, one)).toBe("Car in row 2, column 1: 1 of 4 tiles.")
    expect(said(one, tiled(one, [2], false))).toBe("Car not in row 2, column 1: 0 of 4 tiles.")
    expect(said(one, tiled(one, [0, 1], true))).toBe("Car in 3 of 4 tiles.")
    expect(said(chosen, pressed(chosen, "Car", tiles))).toBe("No category chosen.")
  })
})

// @vitest-environment node
import { describe, expect, it } from "vitest"
import { announcement } from "./announce"
import { clicked, doubted, EMPTY_SHEET, pointRemoved, pressed, type Rules } from "./sheet"

const categories = ["Road", "Car"].map((name, id) => ({ id, name, color: "#000000", key: name[0] }))
const rules = { categories, asksPoints: true } as Rules
const tags = { categories, asksPoints: false } as Rules

describe("announcement", () => {
  const car = pressed(EMPTY_SHEET, "Car", rules)
  const both = pressed(car, "Road", rules)
  const onRoad = clicked(both, { x: 1, y: 1 }, rules)
  const onBoth = clicked(onRoad, { x: 2, y: 2 }, rules)

  it("says what was toggled and whose turn it is", () => {
    expect(announcement(EMPTY_SHEET, car)).toBe("Car present. Click Car.")
    expect(announcement(both, onRoad)).toBe("Point on Road. Click Car.")
    expect(announcement(onRoad, onBoth)).toBe("Point on Car. All points placed.")
    expect(announcement(onBoth, pointRemoved(onBoth))).toBe("Point on Car removed. Click Car.")
    expect(announcement(car, EMPTY_SHEET)).toBe("Car absent. Nothing to click.")
  })

  it("is short where no points are asked for", () => {
    expect(announcement(EMPTY_SHEET, pressed(EMPTY_SHEET, "Car", tags))).toBe("Car present.")
    expect(announcement(EMPTY_SHEET, doubted(EMPTY_SHEET, "Car", tags))).toBe("Car not sure.")
  })

  it("is silent when nothing was said", () => {
    expect(announcement(car, { ...car, selected: 3 })).toBeNull()
  })
})

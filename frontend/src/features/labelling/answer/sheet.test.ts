// @vitest-environment node
import { describe, expect, it } from "vitest"
import { press, withPoints } from "../modes/rules.fixture"
import { EMPTY_SHEET, refitted, type Sheet } from "./sheet"

describe("refitted", () => {
  const { categories } = withPoints

  it("leaves out categories that are gone", () => {
    const kept = press(EMPTY_SHEET, "Car", "Sky")
    const fewer = categories.slice(0, 1)
    expect(refitted({ ...kept, active: "Sky", selected: 4 }, fewer)).toMatchObject({
      presence: { Sky: "present" },
      ticked: ["Sky"],
      active: "Sky",
      selected: null,
    })
  })

  it("keeps the order of ticking, where an earlier version kept one", () => {
    const { ticked, ...earlier } = press(EMPTY_SHEET, "Pole", "Car", "Sky")
    expect(refitted({ ...earlier, ticked }, categories).ticked).toEqual(["Pole", "Car", "Sky"])
    const bare = refitted(earlier as Sheet, categories)
    expect(bare.ticked).toEqual(["Sky", "Car", "Pole"])
  })

  it("leaves out the places of categories that are gone", () => {
    const points = [{ id: 1, category: "Car", x: 1, y: 2 }]
    const kept = { ...EMPTY_SHEET, points, tiles: { Car: [0], Sky: [1] } }
    const sheet = refitted(kept, categories.slice(0, 1))
    expect([sheet.points, sheet.tiles]).toEqual([[], { Sky: [1] }])
  })
})

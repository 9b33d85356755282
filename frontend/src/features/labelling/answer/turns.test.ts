// @vitest-environment node
import { describe, expect, it } from "vitest"
import { press, withPoints } from "../modes/rules.fixture"
import { EMPTY_SHEET, presenceOf, type Sheet } from "./sheet"
import { clicked, doubted } from "./turns"

function permutations(names: readonly string[]): string[][] {
  if (names.length === 0) return [[]]
  return names.flatMap((first) => {
    const others = names.filter((name) => name !== first)
    return permutations(others).map((rest) => [first, ...rest])
  })
}

/** The sheet after so many clicks, and whose turn each of them was. */
const clickThrough = (sheet: Sheet, clicks: number, rules = withPoints) => {
  const order: (string | null)[] = []
  let now = sheet
  for (let turn = 0; turn < clicks; turn++) {
    order.push(now.active)
    now = clicked(now, { x: turn, y: turn }, rules)
  }
  return { sheet: now, order }
}

describe("points in turn", () => {
  it("belong to what was ticked, in that order", () => {
    for (const names of permutations(["Sky", "Road", "Car", "Pole"])) {
      const { sheet, order } = clickThrough(press(EMPTY_SHEET, ...names), 5)
      expect(order).toEqual([...names, null])
      expect(sheet.points.map((point) => point.category)).toEqual(names)
    }
  })

  it("come up in the order of ticking, however clicks come between", () => {
    const first = clickThrough(press(EMPTY_SHEET, "Pole", "Car"), 1).sheet
    const { order } = clickThrough(press(first, "Sky", "Road"), 3)
    expect(order).toEqual(["Car", "Sky", "Road"])
  })

  it("go to the category whose key is pressed once more, and then round", () => {
    const { order } = clickThrough(press(EMPTY_SHEET, "Pole", "Car", "Sky", "Car"), 3)
    expect(order).toEqual(["Car", "Sky", "Pole"])
    const placed = clickThrough(press(EMPTY_SHEET, "Pole", "Car"), 1).sheet
    expect(clickThrough(press(placed, "Pole"), 2).order).toEqual(["Pole", "Car"])
  })

  it("come last of what was unticked and ticked again", () => {
    const sheet = press(EMPTY_SHEET, "Pole", "Car", "Sky", "Pole", "Pole")
    expect(sheet.active).toBe("Car")
    expect(clickThrough(sheet, 4).order).toEqual(["Car", "Sky", "Pole", null])
  })

  it("take back at once what was ticked by mistake, and later give it the turn", () => {
    const mistake = press(EMPTY_SHEET, "Pole", "Car", "Car", "Sky")
    expect(presenceOf(mistake, "Car")).toBe("absent")
    expect(clickThrough(mistake, 3).order).toEqual(["Pole", "Sky", null])
    const later = press(clickThrough(press(EMPTY_SHEET, "Pole", "Car", "Sky"), 1).sheet, "Sky")
    expect([presenceOf(later, "Sky"), later.active]).toEqual(["present", "Sky"])
  })

  it("leave out what is in doubt", () => {
    const sheet = doubted(press(EMPTY_SHEET, "Pole", "Car", "Sky"), "Pole", withPoints)
    expect(clickThrough(sheet, 3).order).toEqual(["Car", "Sky", null])
  })
})

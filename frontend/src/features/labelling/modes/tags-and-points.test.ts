// @vitest-environment node
import { describe, expect, it } from "vitest"
import { EMPTY_SHEET, moved, pointsOf, presenceOf, type Sheet, selected } from "../answer/sheet"
import { clicked, doubted, wouldTakePoints } from "../answer/turns"
import type { Rules } from "./mode"
import { press, pressed, withPoints } from "./rules.fixture"

const click = (sheet: Sheet, x: number, y: number) => clicked(sheet, { x, y }, withPoints)

describe("points", () => {
  it("are not placed when it is nobody's turn", () => {
    expect(click(EMPTY_SHEET, 1, 1)).toBe(EMPTY_SHEET)
  })

  it("can be several of one category", () => {
    const once = click(press(EMPTY_SHEET, "Car"), 1, 1)
    const twice = click(press(once, "Car"), 2, 2)
    expect(pointsOf(twice, "Car").map((point) => [point.id, point.x])).toEqual([
      [1, 1],
      [2, 2],
    ])
  })

  it("go with their category when it is unticked or doubted", () => {
    const placed = click(press(EMPTY_SHEET, "Car"), 1, 1)
    expect(press(placed, "Car", "Car").points).toEqual([])
    expect(doubted(placed, "Car", withPoints).points).toEqual([])
  })

  it("hand the turn on when the active category is unticked", () => {
    const sheet = press(EMPTY_SHEET, "Sky", "Car", "Car")
    expect(presenceOf(sheet, "Car")).toBe("absent")
    expect(sheet.active).toBe("Sky")
  })

  it("are removed from the last or from the selected, whose turn it then is", () => {
    let sheet = press(EMPTY_SHEET, "Sky", "Road")
    sheet = click(click(sheet, 1, 1), 2, 2)
    const last = withPoints.mode.steppedBack(selected(sheet, null))
    expect(last.points.map((point) => point.category)).toEqual(["Sky"])
    expect(last.active).toBe("Road")
    const chosen = withPoints.mode.steppedBack(selected(sheet, 1))
    expect(chosen.points.map((point) => point.category)).toEqual(["Road"])
    expect(chosen.active).toBe("Sky")
    expect(withPoints.mode.steppedBack(EMPTY_SHEET)).toBe(EMPTY_SHEET)
  })

  it("move alone", () => {
    const sheet = click(click(press(EMPTY_SHEET, "Sky", "Road"), 1, 1), 2, 2)
    expect(moved(sheet, 2, { x: 9, y: 8 }).points).toEqual([
      { id: 1, category: "Sky", x: 1, y: 1 },
      { id: 2, category: "Road", x: 9, y: 8 },
    ])
  })
})

describe("several points a category", () => {
  const three = { ...withPoints, pointsPerCategory: 3 }

  it("keep the turn until there are enough", () => {
    let sheet = pressed(pressed(EMPTY_SHEET, "Car", three), "Sky", three)
    const order: (string | null)[] = []
    for (let turn = 0; turn < 6; turn++) {
      order.push(sheet.active)
      sheet = clicked(sheet, { x: turn, y: turn }, three)
    }
    expect(order).toEqual(["Car", "Car", "Car", "Sky", "Sky", "Sky"])
    expect(sheet.active).toBeNull()
  })
})

describe("a held key", () => {
  it("tags and points at once, whoever has the turn", () => {
    const sheet = clicked(press(EMPTY_SHEET, "Sky"), { x: 1, y: 2 }, withPoints, "Car")
    expect(presenceOf(sheet, "Car")).toBe("present")
    expect(sheet.points).toEqual([{ id: 1, category: "Car", x: 1, y: 2 }])
    expect(sheet.active).toBe("Sky")
    const chosen = press(EMPTY_SHEET, "Sky", "Road", "Pole", "Road")
    expect(clicked(chosen, { x: 1, y: 2 }, withPoints, "Car").active).toBe("Road")
  })

  it("waits with what would take points away", () => {
    const placed = { ...click(press(EMPTY_SHEET, "Car"), 1, 1), active: "Car" }
    expect(wouldTakePoints(placed, "Car", withPoints)).toBe(true)
    expect(wouldTakePoints(placed, "Sky", withPoints)).toBe(false)
    expect(wouldTakePoints(press(EMPTY_SHEET, "Car"), "Car", withPoints)).toBe(false)
  })
})

describe("what a person is told", () => {
  const { mode } = withPoints

  it("is whose turn it is, and how points come about", () => {
    const ticked = press(EMPTY_SHEET, "Car")
    const placed = click(ticked, 1, 1)
    expect(mode.hint(placed)).toBe(
      "Tick what is there, and click on it. The rest counts as absent.",
    )
    expect([ticked, placed, EMPTY_SHEET].map(mode.turn)).toEqual([
      "Click Car",
      "All points placed",
      "Nothing to click",
    ])
    expect([placed, EMPTY_SHEET].map(mode.noTurn)).toEqual([
      "All points are placed. Press a category for one more.",
      "Tick a category first, then click it.",
    ])
  })

  it("is how many points a category has, and which one comes next", () => {
    const three = { ...withPoints, pointsPerCategory: 3 }
    const wordsOf = (sheet: Sheet, rules: Rules) => rules.mode.standing(sheet, "Car", rules)?.words
    const ticked = press(EMPTY_SHEET, "Car")
    const placed = click(ticked, 1, 1)
    expect(wordsOf(EMPTY_SHEET, withPoints)).toBeUndefined()
    expect([wordsOf(ticked, withPoints), wordsOf(placed, withPoints)]).toEqual(["click it", "1"])
    expect(wordsOf(clicked(ticked, { x: 1, y: 1 }, three), three)).toBe("click 2 of 3")
    expect(wordsOf({ ...ticked, active: null }, withPoints)).toBe("no point")
    expect(mode.standing(placed, "Car", withPoints)?.unseen).toBe("point")
  })
})

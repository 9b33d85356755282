// @vitest-environment node
import { describe, expect, it } from "vitest"
import {
  answerOf,
  clicked,
  doubted,
  EMPTY_SHEET,
  isSameAnswer,
  moved,
  onImage,
  pointRemoved,
  pointsOf,
  presenceOf,
  pressed,
  type Rules,
  type Sheet,
  selected,
  sheetOf,
} from "./sheet"

const categories = ["Sky", "Road", "Car", "Pole"].map((name, index) => ({
  id: index + 1,
  name,
  color: "#406080",
  key: name.charAt(0).toLowerCase(),
}))
const withPoints: Rules = { categories, asksPoints: true }
const tagsOnly: Rules = { categories, asksPoints: false }

const press = (sheet: Sheet, ...names: string[]) =>
  names.reduce((now, name) => pressed(now, name, withPoints), sheet)
const click = (sheet: Sheet, x: number, y: number) => clicked(sheet, { x, y }, withPoints)

describe("tags", () => {
  it("are absent until pressed, and absent again when pressed twice", () => {
    const once = pressed(EMPTY_SHEET, "Car", tagsOnly)
    expect(presenceOf(EMPTY_SHEET, "Car")).toBe("absent")
    expect(presenceOf(once, "Car")).toBe("present")
    expect(presenceOf(pressed(once, "Car", tagsOnly), "Car")).toBe("absent")
    expect(once.active).toBeNull()
  })

  it("go from unsure to present, and from unsure to absent", () => {
    const unsure = doubted(EMPTY_SHEET, "Car", tagsOnly)
    expect(presenceOf(unsure, "Car")).toBe("unsure")
    expect(presenceOf(pressed(unsure, "Car", tagsOnly), "Car")).toBe("present")
    expect(presenceOf(doubted(unsure, "Car", tagsOnly), "Car")).toBe("absent")
  })

  it("put what is unsure in neither list", () => {
    const sheet = doubted(pressed(EMPTY_SHEET, "Car", tagsOnly), "Pole", tagsOnly)
    expect(answerOf(sheet, categories)).toEqual({
      present: ["Car"],
      absent: ["Sky", "Road"],
      points: [],
    })
  })

  it("are listed in the project's order whatever the order of keys", () => {
    expect(answerOf(press(EMPTY_SHEET, "Pole", "Sky"), categories).present).toEqual(["Sky", "Pole"])
  })
})

describe("points", () => {
  it("belong to the category that was pressed last", () => {
    const sheet = click(press(EMPTY_SHEET, "Road", "Car"), 10.25, 20.5)
    expect(sheet.points).toEqual([{ id: 1, category: "Car", x: 10.25, y: 20.5 }])
  })

  it("come up in turn round the panel", () => {
    let sheet = press(EMPTY_SHEET, "Pole", "Sky", "Car")
    const order: (string | null)[] = []
    for (let turn = 0; turn < 4; turn++) {
      order.push(sheet.active)
      sheet = click(sheet, turn, turn)
    }
    expect(order).toEqual(["Car", "Pole", "Sky", null])
    expect(sheet.points.map((point) => point.category)).toEqual(["Car", "Pole", "Sky"])
  })

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
    const last = pointRemoved(selected(sheet, null))
    expect(last.points.map((point) => point.category)).toEqual(["Road"])
    expect(last.active).toBe("Sky")
    const chosen = pointRemoved(selected(sheet, 1))
    expect(chosen.points.map((point) => point.category)).toEqual(["Sky"])
    expect(chosen.active).toBe("Road")
    expect(pointRemoved(EMPTY_SHEET)).toBe(EMPTY_SHEET)
  })

  it("move alone", () => {
    const sheet = click(click(press(EMPTY_SHEET, "Sky", "Road"), 1, 1), 2, 2)
    expect(moved(sheet, 2, { x: 9, y: 8 }).points).toEqual([
      { id: 1, category: "Road", x: 1, y: 1 },
      { id: 2, category: "Sky", x: 9, y: 8 },
    ])
  })

  it("stay on the image", () => {
    const image = { width: 480, height: 360 }
    expect(onImage({ x: 12.3456, y: 0.5 }, image)).toEqual({ x: 12.35, y: 0.5 })
    expect(onImage({ x: -3, y: 400 }, image)).toEqual({ x: 0, y: 359.99 })
  })
})

describe("sheetOf", () => {
  it("starts with the first ticked category that has no point", () => {
    const sheet = sheetOf({ present: ["Car", "Sky"], unsure: ["Pole"] }, withPoints)
    expect(sheet.active).toBe("Sky")
    expect(presenceOf(sheet, "Pole")).toBe("unsure")
    expect(sheetOf({ present: ["Car"] }, tagsOnly).active).toBeNull()
  })

  it("gives back what was submitted", () => {
    const points = [{ category: "Car", x: 4.5, y: 5.5 }]
    const sheet = sheetOf({ present: ["Car", "Road"], unsure: ["Sky"], points }, withPoints)
    expect(answerOf(sheet, categories)).toEqual({
      present: ["Road", "Car"],
      absent: ["Pole"],
      points,
    })
    expect(sheet.active).toBe("Road")
  })

  it("is another answer only when the answer differs", () => {
    const sheet = press(EMPTY_SHEET, "Car")
    expect(isSameAnswer(sheet, { ...sheet, active: null }, categories)).toBe(true)
    expect(isSameAnswer(sheet, press(sheet, "Sky"), categories)).toBe(false)
  })
})

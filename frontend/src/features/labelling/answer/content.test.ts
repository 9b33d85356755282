// @vitest-environment node
import { describe, expect, it } from "vitest"
import {
  inTiles,
  inTwoSteps,
  press,
  pressed,
  sheetOf,
  tagsOnly,
  withPoints,
} from "../modes/rules.fixture"
import { contentOf, isSameContent } from "./content"
import { EMPTY_SHEET, presenceOf } from "./sheet"
import { tiled } from "./tiles"
import { doubted } from "./turns"

describe("contentOf", () => {
  it("puts what is unsure in neither of the other lists", () => {
    const sheet = doubted(pressed(EMPTY_SHEET, "Car", tagsOnly), "Pole", tagsOnly)
    expect(contentOf(sheet, tagsOnly)).toEqual({
      present: ["Car"],
      absent: ["Sky", "Road"],
      unsure: ["Pole"],
      points: [],
      tiles: null,
    })
  })

  it("lists in the project's order whatever the order of keys", () => {
    expect(contentOf(press(EMPTY_SHEET, "Pole", "Sky"), withPoints).present).toEqual([
      "Sky",
      "Pole",
    ])
  })

  it("gives the tiles of what is present, and the grid", () => {
    const sheet = tiled(pressed(EMPTY_SHEET, "Car", inTiles), [3, 0], true)
    expect(contentOf(sheet, inTiles)).toMatchObject({
      present: ["Car"],
      absent: ["Sky", "Road", "Pole"],
      tiles: { rows: 2, cols: 3, present: { Car: [0, 3] } },
    })
  })
})

describe("sheetOf", () => {
  it("starts with the first ticked category that has no point", () => {
    const sheet = sheetOf({ present: ["Car", "Sky"], unsure: ["Pole"] }, withPoints)
    expect(sheet.active).toBe("Sky")
    expect(presenceOf(sheet, "Pole")).toBe("unsure")
    expect(sheetOf({ present: ["Car"] }, tagsOnly).active).toBeNull()
  })

  it("goes on to the points where the tags are known, and not where none are", () => {
    expect(sheetOf({ present: ["Car"] }, inTwoSteps)).toMatchObject({
      isSettled: true,
      active: "Car",
    })
    expect(sheetOf({ present: [] }, inTwoSteps).isSettled).toBe(false)
  })

  it.each([
    { rules: withPoints, points: [{ category: "Car", x: 4.5, y: 5.5 }], tiles: null },
    {
      rules: inTiles,
      points: [],
      tiles: { rows: 2, cols: 3, present: { Road: [1], Car: [0, 2] } },
    },
  ])("gives back what was submitted", ({ rules, points, tiles }) => {
    const given = { present: ["Car", "Road"], unsure: ["Sky"], points, tiles }
    expect(contentOf(sheetOf(given, rules), rules)).toEqual({
      ...given,
      present: ["Road", "Car"],
      absent: ["Pole"],
    })
  })

  it("does not take tiles of another grid, or tags without tiles, for tiles", () => {
    const other = { rows: 3, cols: 3, present: { Car: [8] } }
    const sheet = sheetOf({ present: ["Car"], tiles: other }, inTiles)
    expect(contentOf(sheet, inTiles)).toMatchObject({ present: [], tiles: { present: {} } })
  })

  it("is another answer only when the answer differs", () => {
    const sheet = press(EMPTY_SHEET, "Car")
    expect(isSameContent(sheet, { ...sheet, active: null }, withPoints)).toBe(true)
    expect(isSameContent(sheet, press(sheet, "Sky"), withPoints)).toBe(false)
    expect(isSameContent(sheet, doubted(sheet, "Sky", withPoints), withPoints)).toBe(false)
  })
})

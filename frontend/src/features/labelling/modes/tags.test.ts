// @vitest-environment node
import { describe, expect, it } from "vitest"
import { EMPTY_SHEET, presenceOf } from "../answer/sheet"
import { clicked, doubted } from "../answer/turns"
import { answering, pressed, tagsOnly } from "./rules.fixture"

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
})

describe("a project that asks for tags alone", () => {
  it("says so, has no turns, keys or buttons for places", () => {
    const { mode } = tagsOnly
    expect(mode.hint(EMPTY_SHEET)).toBe("Tick what is there. The rest counts as absent.")
    expect(mode.noTurn(EMPTY_SHEET)).toBe("This project asks for no points.")
    expect([mode.turn(EMPTY_SHEET), mode.tools]).toEqual([null, []])
    expect(mode.keys(tagsOnly, answering(EMPTY_SHEET))).toEqual([])
    const ticked = pressed(EMPTY_SHEET, "Car", tagsOnly)
    expect(clicked(ticked, { x: 1, y: 1 }, tagsOnly, "Car")).toBe(ticked)
    expect(mode.isBeforePoints(ticked)).toBe(false)
    expect([mode.standing(ticked, "Car", tagsOnly), mode.keyHelp(tagsOnly)]).toEqual([null, []])
  })
})

// @vitest-environment node
import { describe, expect, it } from "vitest"
import { EMPTY_SHEET, presenceOf } from "../answer/sheet"
import { tiled, tilesOf } from "../answer/tiles"
import { doubted } from "../answer/turns"
import { answering, inTiles, pressed } from "./rules.fixture"

describe("tiles", () => {
  const chosen = pressed(EMPTY_SHEET, "Car", inTiles)

  it("belong to the category that was pressed, which its key alone does not tick", () => {
    expect([chosen.active, presenceOf(chosen, "Car")]).toEqual(["Car", "absent"])
    expect(pressed(chosen, "Car", inTiles).active).toBeNull()
    const sheet = tiled(tiled(chosen, [4, 1], true), [1, 0], true)
    expect(tilesOf(sheet, "Car")).toEqual([0, 1, 4])
    expect(presenceOf(sheet, "Car")).toBe("present")
    expect(tiled(EMPTY_SHEET, [1], true)).toBe(EMPTY_SHEET)
  })

  it("make it absent again with the last one", () => {
    const sheet = tiled(tiled(chosen, [1], true), [1], false)
    expect([tilesOf(sheet, "Car"), presenceOf(sheet, "Car")]).toEqual([[], "absent"])
    const cleared = inTiles.mode.steppedBack(tiled(chosen, [1, 2], true))
    expect([tilesOf(cleared, "Car"), cleared.active]).toEqual([[], "Car"])
  })

  it("go when the category is doubted, and end the doubt", () => {
    const unsure = doubted(tiled(chosen, [1], true), "Car", inTiles)
    expect([tilesOf(unsure, "Car"), presenceOf(unsure, "Car")]).toEqual([[], "unsure"])
    const again = tiled({ ...unsure, active: "Car" }, [2], true)
    expect(presenceOf(again, "Car")).toBe("present")
  })

  it("change nothing when they are so already", () => {
    const sheet = tiled(chosen, [1, 2], true)
    expect(tiled(sheet, [2], true)).toBe(sheet)
    expect(tiled(sheet, [5], false)).toBe(sheet)
  })
})

describe("the keypad", () => {
  const large = { ...inTiles, grid: { rows: 4, cols: 2 } }

  it("has a key for each tile of a small grid, and none of a larger one", () => {
    const answer = answering(pressed(EMPTY_SHEET, "Car", inTiles))
    const keys = inTiles.mode.keys(inTiles, answer)
    expect(keys.flatMap((shortcut) => shortcut.keys).join(" ")).toBe(
      "Numpad7 Numpad8 Numpad9 Numpad4 Numpad5 Numpad6",
    )
    keys[4]?.run()
    keys[1]?.run()
    expect(tilesOf(answer.sheet(), "Car")).toEqual([1, 4])
    keys[4]?.run()
    expect(tilesOf(answer.sheet(), "Car")).toEqual([1])
    expect(inTiles.mode.keys(large, answer)).toEqual([])
  })

  it("says that a category comes first", () => {
    const answer = answering(EMPTY_SHEET)
    inTiles.mode.keys(inTiles, answer)[0]?.run()
    expect([answer.sheet(), answer.refusals()]).toEqual([EMPTY_SHEET, 1])
  })

  it("is explained where it has keys", () => {
    expect(inTiles.mode.keyHelp(inTiles).map(({ chords }) => chords)).toEqual([
      ["Numpad7", "Numpad8"],
    ])
    expect(inTiles.mode.keyHelp(large)).toEqual([])
  })
})

describe("what a person is told", () => {
  const { mode } = inTiles

  it("is that a category comes first, then its tiles", () => {
    const chosen = pressed(EMPTY_SHEET, "Car", inTiles)
    expect(mode.hint(chosen)).toContain("Press a category, then every tile that it is in.")
    expect([chosen, EMPTY_SHEET].map(mode.turn)).toEqual(["Tiles of Car", "No category chosen"])
    expect(mode.noTurn(EMPTY_SHEET)).toBe("Press a category's key first, then its tiles.")
    expect(mode.steppedBack(EMPTY_SHEET)).toBe(EMPTY_SHEET)
  })

  it("is in how many tiles a category is", () => {
    const one = tiled(pressed(EMPTY_SHEET, "Car", inTiles), [1], true)
    const words = [EMPTY_SHEET, one, tiled(one, [4], true)].map(
      (sheet) => mode.standing(sheet, "Car", inTiles)?.words,
    )
    expect(words).toEqual([undefined, "1 tile", "2 tiles"])
  })
})

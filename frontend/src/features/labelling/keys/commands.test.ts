// @vitest-environment node
import { describe, expect, it } from "vitest"
import { pressed } from "@/lib/keys.fixture"
import { COMMANDS, type Command } from "./commands"
import { capOf, keymapOf, keysOf, meaningOf } from "./keymap"

const ALL: readonly Command[] = COMMANDS
const SIGNS = "abcdefghijklmnopqrstuvwxyz0123456789"

const categoriesWith = (keys: string) =>
  [...keys].map((key, index) => ({ id: index, name: `Category ${key}`, color: "#000000", key }))

describe("the command table", () => {
  it("gives no key to two commands", () => {
    const keys = ALL.flatMap((command) => [...command.keys, ...(command.spare ?? [])])
    expect(keys).toHaveLength(new Set(keys).size)
  })

  it("names no command twice, in words or by id", () => {
    expect(new Set(ALL.map((command) => command.id)).size).toBe(ALL.length)
    expect(new Set(ALL.map((command) => command.label)).size).toBe(ALL.length)
  })

  it("leaves every letter and digit to the categories", () => {
    const own = ALL.flatMap((command) => command.keys)
    expect(own.filter((key) => SIGNS.includes(key) || /^Shift\+.$/.test(key))).toEqual([])
    for (const key of ALL.flatMap((command) => command.spare ?? [])) expect(SIGNS).toContain(key)
  })

  it("shadows no shortcut of a browser", () => {
    const map = keymapOf(categoriesWith(SIGNS), { rows: 3, cols: 3 })
    const undo = ["Ctrl+z", "Ctrl+y", "Ctrl+Shift+z"]
    const withControl = [...map.keys()].filter((key) => key.startsWith("Ctrl+"))
    expect(withControl.toSorted()).toEqual(undo.toSorted())
    const functions = Array.from({ length: 12 }, (_, index) => `F${index + 1}`)
    const quickFind = ["/", "'"]
    for (const key of ["Tab", "ContextMenu", ...quickFind, ...functions]) {
      expect(map.has(key), key).toBe(false)
    }
    for (const chord of map.keys()) {
      const key = chord.split("+").at(-1) ?? ""
      for (const modifier of ["altKey", "metaKey", "ctrlKey"] as const) {
        const event = pressed(key, { [modifier]: true, shiftKey: chord.startsWith("Shift+") })
        const meaning = meaningOf(event, map)
        const isUndo = /^[zy]$/.test(key) && modifier !== "altKey"
        expect(meaning === null || isUndo, `${modifier} ${chord}`).toBe(true)
      }
    }
  })
})

describe("keymapOf", () => {
  it("reaches every category and every command, whatever keys the project chose", () => {
    const categories = categoriesWith(SIGNS)
    const map = keymapOf(categories)
    for (const category of categories) {
      expect(map.get(category.key)).toEqual({ kind: "tick", category })
      expect(map.get(`Shift+${category.key}`)).toEqual({ kind: "doubt", category })
    }
    for (const command of ALL) expect(keysOf(command.id, map)).toEqual(command.keys)
  })

  it("gives no key to a category that has none", () => {
    const map = keymapOf([{ id: 1, name: "Car", color: "#000000", key: null }])
    expect([...map.values()].every((binding) => binding.kind === "command")).toBe(true)
  })

  it("lets commands have the letters that no category needs", () => {
    const map = keymapOf(categoriesWith("sf"))
    expect(map.get("z")).toMatchObject({ command: { id: "back" } })
    expect(map.get("s")).toMatchObject({ kind: "tick" })
    expect(keysOf("skip", map)).toEqual(["."])
    expect(keysOf("fit", map)).toEqual(["Home", "0"])
  })
})

describe("the numeric keypad", () => {
  const pad = (code: string, key: string) => pressed(key, { code })

  it("is the tiles from the top left, with or without NumLock", () => {
    const map = keymapOf(categoriesWith("14"), { rows: 2, cols: 3 })
    const tileOf = (code: string, key: string) => meaningOf(pad(code, key), map)
    expect(tileOf("Numpad7", "7")).toEqual({ kind: "tile", tile: 0 })
    expect(tileOf("Numpad9", "PageUp")).toEqual({ kind: "tile", tile: 2 })
    expect(tileOf("Numpad4", "4")).toEqual({ kind: "tile", tile: 3 })
    expect(tileOf("Numpad1", "1")).toMatchObject({ kind: "tick" })
    expect(tileOf("Digit4", "4")).toMatchObject({ kind: "tick" })
  })

  it("types digits where there are no tiles, or too many", () => {
    for (const grid of [null, { rows: 4, cols: 2 }]) {
      const meaning = meaningOf(pad("Numpad7", "7"), keymapOf(categoriesWith("7"), grid))
      expect(meaning).toMatchObject({ kind: "tick" })
    }
  })
})

describe("capOf", () => {
  it("draws keys the way they are printed", () => {
    expect(capOf("c")).toBe("C")
    expect(capOf("Ctrl+Shift+z")).toBe("Ctrl + Shift + Z")
    expect(capOf("ArrowLeft")).toBe("←")
    expect(capOf("+")).toBe("+")
    expect(capOf("Shift+c")).toBe("Shift + C")
    expect(["ф", "Shift+ш", "א"].map(capOf)).toEqual(["Ф", "Shift + Ш", "א"])
  })
})

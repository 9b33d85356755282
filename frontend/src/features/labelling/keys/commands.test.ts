// @vitest-environment node
import { describe, expect, it } from "vitest"
import type { Category } from "@/api/projects"
import { meaningOf } from "@/lib/commands"
import { pressed } from "@/lib/keys.fixture"
import { type Edit, EMPTY_SHEET } from "../answer/sheet"
import { tilesOf } from "../answer/tiles"
import type { Rules } from "../modes/mode"
import { answering, inTiles } from "../modes/rules.fixture"
import { categoryKeys } from "./answer-keys"
import { COMMANDS, type CommandId, labellingCommands } from "./commands"

type Row = { id: CommandId; label: string; keys: readonly string[]; spare?: readonly string[] }
const ALL: readonly Row[] = COMMANDS
const SIGNS = "abcdefghijklmnopqrstuvwxyz0123456789"

const categoriesWith = (keys: string) =>
  [...keys].map((key, index) => ({ id: index, name: `Category ${key}`, color: "#000000", key }))

/** The keys of a page with these categories and tiles of the active one, that tell what they do. */
function pageWith(categories: Category[], grid: Rules["grid"] | null = null) {
  let meaning: unknown = null
  const note = (kind: string, what: string) => (value: unknown) => {
    meaning = { kind, [what]: value }
  }
  const actions = ALL.map(({ id }) => [id, () => note("command", "id")(id)])
  const commands = labellingCommands(categories, Object.fromEntries(actions))
  const chosen = { ...EMPTY_SHEET, active: "Car" }
  const edit: Edit = (_kind, change) => note("tile", "tile")(tilesOf(change(chosen), "Car")[0])
  const [hold, doubt] = [note("tick", "category"), note("doubt", "category")]
  const shortcuts = [
    ...Object.values(commands),
    ...categoryKeys(categories, { hold, letGo: () => undefined, doubt }),
    ...(grid ? inTiles.mode.keys({ ...inTiles, grid }, { ...answering(chosen), edit }) : []),
  ]
  const after = (run: (() => void) | undefined) => {
    meaning = null
    run?.()
    return meaning
  }
  return {
    commands,
    chords: shortcuts.flatMap(({ keys }) => keys),
    get: (chord: string) => after(shortcuts.find(({ keys }) => keys.includes(chord))?.run),
    meaningOf: (event: KeyboardEvent) => after(meaningOf(event, shortcuts)?.run),
  }
}

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
    const page = pageWith(categoriesWith(SIGNS), { rows: 3, cols: 3 })
    const undo = ["Ctrl+z", "Ctrl+y", "Ctrl+Shift+z"]
    const withControl = page.chords.filter((key) => key.startsWith("Ctrl+"))
    expect(withControl.toSorted()).toEqual(undo.toSorted())
    const functions = Array.from({ length: 12 }, (_, index) => `F${index + 1}`)
    const quickFind = ["/", "'"]
    for (const key of ["Tab", "ContextMenu", ...quickFind, ...functions]) {
      expect(page.chords.includes(key), key).toBe(false)
    }
    for (const chord of page.chords) {
      const key = chord.split("+").at(-1) ?? ""
      for (const modifier of ["altKey", "metaKey", "ctrlKey"] as const) {
        const event = pressed(key, { [modifier]: true, shiftKey: chord.startsWith("Shift+") })
        const meaning = page.meaningOf(event)
        const isUndo = /^[zy]$/.test(key) && modifier !== "altKey"
        expect(meaning === null || isUndo, `${modifier} ${chord}`).toBe(true)
      }
    }
  })
})

describe("the keys of a page", () => {
  it("reaches every category and every command, whatever keys the project chose", () => {
    const categories = categoriesWith(SIGNS)
    const page = pageWith(categories)
    for (const category of categories) {
      expect(page.get(category.key)).toEqual({ kind: "tick", category: category.name })
      expect(page.get(`Shift+${category.key}`)).toEqual({ kind: "doubt", category: category.name })
    }
    for (const { id, keys } of ALL) {
      expect(page.commands[id].keys).toEqual(keys)
      for (const key of keys) expect(page.get(key)).toEqual({ kind: "command", id })
    }
  })

  it("gives no key to a category that has none", () => {
    const page = pageWith([{ id: 1, name: "Car", color: "#000000", key: null }])
    for (const chord of page.chords) expect(page.get(chord)).toMatchObject({ kind: "command" })
  })

  it("lets commands have the letters that no category needs", () => {
    const page = pageWith(categoriesWith("sf"))
    expect(page.get("z")).toEqual({ kind: "command", id: "back" })
    expect(page.get("s")).toMatchObject({ kind: "tick" })
    expect(page.commands.skip.keys).toEqual(["."])
    expect(page.commands.fit.keys).toEqual(["Home", "0"])
  })
})

describe("the keys of rules and flags", () => {
  const typed = (key: string, code: string) => pressed(key, { code, shiftKey: true })
  const page = pageWith(categoriesWith("rw6"))

  it("are the signs that they are on every keyboard", () => {
    for (const code of ["Semicolon", "Period"]) {
      expect(page.meaningOf(typed(":", code))).toEqual({ kind: "command", id: "flag" })
    }
    for (const code of ["Minus", "Slash"]) {
      expect(page.meaningOf(typed("_", code))).toEqual({ kind: "command", id: "rules" })
    }
    expect(page.meaningOf(typed("\u0416", "Semicolon"))).toEqual({ kind: "command", id: "flag" })
  })

  it("are letters too where no category has them", () => {
    expect(page.get("r")).toMatchObject({ kind: "tick" })
    expect(page.get("w")).toMatchObject({ kind: "tick" })
    expect(pageWith([]).get("r")).toEqual({ kind: "command", id: "rules" })
    expect(pageWith([]).get("w")).toEqual({ kind: "command", id: "flag" })
  })
})

describe("the numeric keypad", () => {
  const pad = (code: string, key: string) => pressed(key, { code })

  it("is the tiles from the top left, with or without NumLock", () => {
    const page = pageWith(categoriesWith("14"), { rows: 2, cols: 3 })
    const tileOf = (code: string, key: string) => page.meaningOf(pad(code, key))
    expect(tileOf("Numpad7", "7")).toEqual({ kind: "tile", tile: 0 })
    expect(tileOf("Numpad9", "PageUp")).toEqual({ kind: "tile", tile: 2 })
    expect(tileOf("Numpad4", "4")).toEqual({ kind: "tile", tile: 3 })
    expect(tileOf("Numpad1", "1")).toMatchObject({ kind: "tick" })
    expect(tileOf("Digit4", "4")).toMatchObject({ kind: "tick" })
  })

  it("types digits where there are no tiles, or too many", () => {
    for (const grid of [null, { rows: 4, cols: 2 }]) {
      const meaning = pageWith(categoriesWith("7"), grid).meaningOf(pad("Numpad7", "7"))
      expect(meaning).toMatchObject({ kind: "tick" })
    }
  })
})

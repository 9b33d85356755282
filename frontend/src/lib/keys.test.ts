// @vitest-environment node
import { beforeEach, describe, expect, it } from "vitest"
import { capOf, chordsOf, folded, isCategoryKey } from "./keys"
import { pressed } from "./keys.fixture"

/** The first of the names that a table has, as the pages look them up. */
const meant = (press: KeyboardEvent, table: readonly string[]) =>
  chordsOf(press).find((chord) => table.includes(chord)) ?? null

const LETTERS = [..."abcdefghijklmnopqrstuvwxyz"]
const CODES = LETTERS.map((letter) => `Key${letter.toUpperCase()}`)
const DIGITS = [..."1234567890"]
const SIGNS = [";", ",", ".", "[", "]", "{", "}", "<", ">", "+", "=", "-", "\\", "?"]
const EVERYTHING = [...LETTERS, ...DIGITS, ...SIGNS, ...LETTERS.map((letter) => `Shift+${letter}`)]

const type = (key: string, code: string, change: Partial<KeyboardEvent> = {}) =>
  chordsOf(pressed(key, { code, ...change }))

/** What the keys from A to Z write, in that order. */
const OTHER_SCRIPTS: Record<string, readonly string[]> = {
  Russian: [..."фисвуапршолдьтщзйкыегмцчня"],
  Ukrainian: [..."фисвуапршолдьтщзйкіегмцчня"],
  Greek: [..."αβψδεφγηιξκλμνοπ;ρστθωςχυζ"],
  Hebrew: [..."שנבגקכעיןחלךצמםפ/רדאוה'סטז"],
  Arabic: ["ش", "لا", ..."ؤيثبلاهتنمةىخحضقسفعرصءغئ"],
  Korean: [..."ㅁㅠㅊㅇㄷㄹㅎㅗㅑㅓㅏㅣㅡㅜㅐㅔㅂㄱㄴㅅㅕㅍㅈㅌㅛㅋ"],
  Thai: [..."ฟิแกำดเ้ร่าสทืนยๆพหะีอไป"].concat(["ั", "ผ"]),
  Hindi: [..."ोवम्ािुपगरकतसलदजौीे", "ू", "ह", "न", "ै", "ं", "ब", "ॆ"],
  Georgian: [..."აბცდეფგჰიჯკლმნოპქრსტუვწხყზ"],
}

describe.each(Object.entries(OTHER_SCRIPTS))("a %s keyboard", (_name, keys) => {
  it("has 26 letter keys here", () => expect(keys).toHaveLength(CODES.length))

  it("reaches every key of a US keyboard in its place", () => {
    type(keys[0] ?? "", "KeyA")
    const found = keys.map((key, index) =>
      meant(pressed(key, { code: CODES[index] ?? "" }), EVERYTHING),
    )
    expect(found).toEqual(LETTERS)
  })

  it("with Shift as well", () => {
    type(keys[0] ?? "", "KeyA")
    const shifted = keys.map((key, index) =>
      meant(pressed(key.toUpperCase(), { code: CODES[index] ?? "", shiftKey: true }), EVERYTHING),
    )
    expect(shifted).toEqual(LETTERS.map((letter) => `Shift+${letter}`))
  })

  it("undoes with Ctrl and the key where Z is", () => {
    const key = keys.at(-1) ?? ""
    const undo = ["Ctrl+z", "Ctrl+Shift+z"]
    expect(meant(pressed(key, { code: "KeyZ", ctrlKey: true }), undo)).toBe("Ctrl+z")
    const redo = pressed(key.toUpperCase(), { code: "KeyZ", metaKey: true, shiftKey: true })
    expect(meant(redo, undo)).toBe("Ctrl+Shift+z")
  })
})

const LATIN: Record<string, Record<string, string>> = {
  AZERTY: { KeyQ: "a", KeyA: "q", KeyW: "z", KeyZ: "w", Semicolon: "m" },
  QWERTZ: { KeyY: "z", KeyZ: "y" },
  Dvorak: { KeyS: "o", KeyD: "e", KeyF: "u", Semicolon: "s", KeyQ: "'", KeyE: ".", KeyW: "," },
  Colemak: { KeyE: "f", Semicolon: "o", KeyP: ";" },
}

describe.each(Object.entries(LATIN))("a %s keyboard", (_name, keys) => {
  beforeEach(() => void type("e", "KeyD"))

  it("means what it writes, never the place", () => {
    for (const [code, key] of Object.entries(keys)) {
      expect(meant(pressed(key, { code }), [...LETTERS, ...SIGNS])).toBe(key === "'" ? null : key)
    }
  })
})

describe.each([
  ["AZERTY", [...`&é"'(-è_çà`]],
  ["Czech", [..."+ěščřžýáíé"]],
  ["Vietnamese", ["ă", "â", "ê", "ô", "\u0300", "\u0309", "\u0303", "\u0301", "\u0323", "đ"]],
  ["Arabic", [..."١٢٣٤٥٦٧٨٩٠"]],
  ["Thai", [..."ๅ/-ภถุึคตจ"]],
  ["Lithuanian", [..."ąčęėįšųū90"]],
])("the digits of a %s keyboard", (_name, signs) => {
  const row = signs.map((key, index) => ({ key, code: `Digit${DIGITS[index]}` }))

  it("are there without Shift", () => {
    expect(row.map(({ key, code }) => meant(pressed(key, { code }), DIGITS))).toEqual(DIGITS)
  })

  it("leave the signs to commands where no category has the digit", () => {
    for (const { key, code } of row.filter((each) => SIGNS.includes(each.key))) {
      expect(meant(pressed(key, { code }), SIGNS)).toBe(key)
    }
  })

  it("are there with Shift, which writes them", () => {
    for (const [index, { code }] of row.entries()) {
      const key = DIGITS[index] ?? ""
      expect(meant(pressed(key, { code, shiftKey: true }), DIGITS)).toBe(key)
    }
  })
})

describe("chordsOf", () => {
  it("names keys as the tables do", () => {
    expect(type("Enter", "NumpadEnter")).toEqual(["Enter"])
    expect(type(" ", "Space")).toEqual(["Space"])
    expect(type("\u00a0", "Space", { shiftKey: true })).toEqual(["Space"])
    expect(type("c", "KeyC")).toEqual(["c"])
    expect(type("C", "KeyC", { shiftKey: true })).toEqual(["Shift+c"])
    expect(type("z", "KeyZ", { ctrlKey: true })).toEqual(["Ctrl+z"])
    expect(type("Home", "Numpad7")).toEqual(["Home"])
  })

  it("takes letters with Caps Lock on", () => {
    expect(type("C", "KeyC")).toEqual(["c"])
    expect(type("С", "KeyC")).toEqual(["с", "c"])
    expect(type("с", "KeyC", { shiftKey: true })[0]).toBe("Shift+с")
  })

  it("takes signs however a layout makes them", () => {
    expect(meant(pressed("?", { code: "Slash", shiftKey: true }), EVERYTHING)).toBe("?")
    expect(meant(pressed("?", { code: "Minus", shiftKey: true }), EVERYTHING)).toBe("?")
    expect(meant(pressed("?", { code: "Digit7", shiftKey: true }), EVERYTHING)).toBe("?")
    expect(meant(pressed("؟", { code: "Slash", shiftKey: true }), EVERYTHING)).toBe("?")
    expect(meant(pressed("+", { code: "Digit1", shiftKey: true }), EVERYTHING)).toBe("+")
    expect(meant(pressed("!", { code: "Digit1", shiftKey: true }), ["Shift+1"])).toBe("Shift+1")
    expect(meant(pressed("х", { code: "BracketLeft" }), EVERYTHING)).toBe("[")
    expect(meant(pressed("Х", { code: "BracketLeft", shiftKey: true }), EVERYTHING)).toBe("{")
    expect(meant(pressed("ö", { code: "Semicolon" }), EVERYTHING)).toBe(";")
    expect(meant(pressed(":", { code: "Period" }), EVERYTHING)).toBeNull()
  })

  it("has one i for the two of a Turkish keyboard", () => {
    expect(type("ı", "KeyI")).toEqual(["i"])
    expect(type("i", "Quote")).toEqual(["i"])
    expect(type("İ", "Quote", { shiftKey: true })).toEqual(["Shift+i"])
  })

  it("takes the place where a key writes nothing by itself", () => {
    expect(type("Dead", "Semicolon")).toEqual([";"])
    expect(type("Unidentified", "KeyC")).toEqual(["c"])
    expect(type("Unidentified", "")).toEqual([])
  })

  it("goes by the letter that was typed last where a sign may be either", () => {
    type("α", "KeyA")
    expect(type(";", "KeyQ")[0]).toBe("q")
    type("a", "KeyA")
    expect(type(";", "KeyQ")).toEqual([";"])
    // A Hebrew keyboard writes Latin capitals with Shift, and is Hebrew still.
    type("ש", "KeyA")
    type("A", "KeyA", { shiftKey: true })
    expect(type("/", "KeyQ")[0]).toBe("q")
  })

  it("takes AltGr for typing alone and leaves Alt to the browser", () => {
    const altGraph = { altKey: true, ctrlKey: true, getModifierState: () => true }
    expect(type("[", "Digit8", altGraph)).toEqual(["["])
    expect(type("€", "KeyE", altGraph)).toEqual(["€"])
    expect(type("ArrowLeft", "ArrowLeft", { altKey: true })).toEqual([])
  })

  it("leaves an input method what it composes with", () => {
    expect(type("Enter", "Enter", { isComposing: true })).toEqual([])
    expect(type("Enter", "Enter", { keyCode: 229 })).toEqual([])
    expect(type("Process", "KeyC")).toEqual([])
  })
})

describe("the keys of categories", () => {
  it("are one letter or digit of any script", () => {
    const keys = ["a", "9", "ф", "ω", "ש", "ش", "ㅁ", "ฟ", "व", "é", "٣", "ö", "𞤢"]
    expect(keys.filter((key) => !isCategoryKey(key))).toEqual([])
  })

  it("are no signs, marks or capitals, nor two letters", () => {
    const others = ["", "A", "Ф", ".", "ा", "🙂", "ab", " ", "e\u0301", "ı", "²", "ß", "ς"]
    expect(others.filter(isCategoryKey)).toEqual([])
    expect(["Ф", "E\u0301", "İ", "ı"].map(folded)).toEqual(["ф", "é", "i", "i"])
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

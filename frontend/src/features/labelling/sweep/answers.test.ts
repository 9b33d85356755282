import { describe, expect, it } from "vitest"
import {
  answerOf,
  doubted,
  EMPTY_SHEET,
  flipped,
  isSame,
  saidOf,
  spoken,
  sumOf,
  toggled,
} from "./answers"

const plain = { id: 1, external_id: "a.jpg", ticked: false }
const likely = { id: 2, external_id: "b.jpg", ticked: true }
const other = { id: 3, external_id: "c.jpg", ticked: false }
const page = [plain, likely, other]

describe("the answers to a page", () => {
  it("start as absent, but for what the model expects", () => {
    expect(saidOf(EMPTY_SHEET, page)).toEqual({ present: [2], absent: [1, 3], unsure: [] })
  })

  it("turn for an exception, and back", () => {
    const once = toggled(EMPTY_SHEET, plain)
    expect(answerOf(once, plain)).toBe("present")
    expect(answerOf(toggled(once, plain), plain)).toBe("absent")
    expect(answerOf(toggled(EMPTY_SHEET, likely), likely)).toBe("absent")
  })

  it("can be left open, and are then as if left alone", () => {
    const open = doubted(EMPTY_SHEET, likely)
    expect(answerOf(open, likely)).toBe("unsure")
    expect(answerOf(doubted(open, likely), likely)).toBe("present")
    expect(answerOf(toggled(open, likely), likely)).toBe("present")
  })

  it("turn all at once where the person has said nothing", () => {
    const sheet = flipped(doubted(toggled(toggled(EMPTY_SHEET, plain), plain), likely))
    expect(saidOf(sheet, page)).toEqual({ present: [3], absent: [1], unsure: [2] })
    expect(flipped(sheet).rest).toBe("absent")
  })

  it("are compared by what they say, not by how that came about", () => {
    const thereAndBack = toggled(toggled(EMPTY_SHEET, plain), plain)
    expect(isSame(thereAndBack, EMPTY_SHEET, page)).toBe(true)
    expect(isSame(toggled(EMPTY_SHEET, other), EMPTY_SHEET, page)).toBe(false)
  })

  it("are told in words", () => {
    const sheet = doubted(EMPTY_SHEET, plain)
    expect(sumOf(saidOf(EMPTY_SHEET, page))).toBe("1 present · 2 absent")
    expect(sumOf(saidOf(sheet, page))).toBe("1 present · 1 absent · 1 not sure")
    expect(spoken(sheet, plain)).toBe("a.jpg: not sure")
    expect(spoken(sheet, likely)).toBe("b.jpg: present")
  })
})

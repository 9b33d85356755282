import { describe, expect, it } from "vitest"
import {
  answerFor,
  doubted,
  flipped,
  idsByAnswer,
  isSame,
  NO_MARKS,
  spoken,
  sumOf,
  toggled,
} from "./marks"

const plain = { id: 1, external_id: "a.jpg", ticked: false }
const likely = { id: 2, external_id: "b.jpg", ticked: true }
const other = { id: 3, external_id: "c.jpg", ticked: false }
const page = [plain, likely, other]

describe("the answers to a page", () => {
  it("start as absent, but for what the model expects", () => {
    expect(idsByAnswer(NO_MARKS, page)).toEqual({ present: [2], absent: [1, 3], unsure: [] })
  })

  it("turn for an exception, and back", () => {
    const once = toggled(NO_MARKS, plain)
    expect(answerFor(once, plain)).toBe("present")
    expect(answerFor(toggled(once, plain), plain)).toBe("absent")
    expect(answerFor(toggled(NO_MARKS, likely), likely)).toBe("absent")
  })

  it("can be left open, and are then as if left alone", () => {
    const open = doubted(NO_MARKS, likely)
    expect(answerFor(open, likely)).toBe("unsure")
    expect(answerFor(doubted(open, likely), likely)).toBe("present")
    expect(answerFor(toggled(open, likely), likely)).toBe("present")
  })

  it("turn all at once where the person has said nothing", () => {
    const marks = flipped(doubted(toggled(toggled(NO_MARKS, plain), plain), likely))
    expect(idsByAnswer(marks, page)).toEqual({ present: [3], absent: [1], unsure: [2] })
    expect(flipped(marks).rest).toBe("absent")
  })

  it("are compared by what they say, not by how that came about", () => {
    const thereAndBack = toggled(toggled(NO_MARKS, plain), plain)
    expect(isSame(thereAndBack, NO_MARKS, page)).toBe(true)
    expect(isSame(toggled(NO_MARKS, other), NO_MARKS, page)).toBe(false)
  })

  it("are told in words", () => {
    const marks = doubted(NO_MARKS, plain)
    expect(sumOf(idsByAnswer(NO_MARKS, page))).toBe("1 present · 2 absent")
    expect(sumOf(idsByAnswer(marks, page))).toBe("1 present · 1 absent · 1 not sure")
    expect(spoken(marks, plain)).toBe("a.jpg: not sure")
    expect(spoken(marks, likely)).toBe("b.jpg: present")
  })
})

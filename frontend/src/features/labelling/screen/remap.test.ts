// @vitest-environment node
import { describe, expect, it } from "vitest"
import { holderOf, keyAmong, rekeyed } from "./remap"

const keys = { Road: "r", Car: "c" }

describe("choosing a key", () => {
  it("takes the character, or the key's place where that is no letter or digit", () => {
    expect(keyAmong(["ф", "a"])).toBe("ф")
    expect(keyAmong(["Shift+c"])).toBe("c")
    expect(keyAmong(["1", "&"])).toBe("1")
    expect(keyAmong(["ा", "e"])).toBe("e")
    for (const chord of ["Enter", "F5", ".", "Ctrl+z"]) expect(keyAmong([chord])).toBeNull()
  })

  it("says who has the key already", () => {
    expect(holderOf("r", "Car", keys)).toBe("Road")
    expect(holderOf("c", "Car", keys)).toBeNull()
    expect(holderOf("x", "Car", keys)).toBeNull()
  })

  it("gives a free key, and swaps one that is taken", () => {
    expect(rekeyed(keys, "Car", "x")).toEqual({ Road: "r", Car: "x" })
    expect(rekeyed(keys, "Car", "r")).toEqual({ Road: "c", Car: "r" })
    expect(rekeyed(keys, "Sky", "r")).toEqual({ Sky: "r", Car: "c" })
  })
})

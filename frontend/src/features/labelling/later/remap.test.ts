// @vitest-environment node
import { describe, expect, it } from "vitest"
import { holderOf, isCategoryKey, rekeyed } from "./remap"

const keys = { Road: "r", Car: "c" }

describe("choosing a key", () => {
  it("takes letters and digits only", () => {
    expect(["a", "z", "0", "9"].every(isCategoryKey)).toBe(true)
    expect(["A", "ä", "Enter", "F5", ".", " ", ""].some(isCategoryKey)).toBe(false)
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

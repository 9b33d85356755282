// @vitest-environment node
import { describe, expect, it } from "vitest"
import { dressed } from "./dressed"
import { found } from "./finder"

const categories = ["Bicycle", "Motorcycle", "Car", "Cycle lane"].map((name, id) => ({
  id,
  name,
  color: "#123456",
  key: name.charAt(0).toLowerCase(),
}))
const names = (words: string) => found(categories, words).map((category) => category.name)

describe("found", () => {
  it("is everything until something is typed", () => {
    expect(names("  ")).toEqual(["Bicycle", "Motorcycle", "Car", "Cycle lane"])
  })

  it("has first what begins with the words, whatever the case", () => {
    expect(names("CYCLE")).toEqual(["Cycle lane", "Bicycle", "Motorcycle"])
    expect(names("tram")).toEqual([])
  })
})

describe("dressed", () => {
  it("has the person's keys, and none for what they left out", () => {
    const own = dressed(categories, { keys: { Car: "x" }, hasSafeColors: false })
    expect(own.map((category) => category.key)).toEqual([null, null, "x", null])
    expect(dressed(categories, { keys: null, hasSafeColors: false })).toEqual(categories)
  })

  it("tells as many as it has safe colours apart", () => {
    const colors = dressed(categories, { keys: null, hasSafeColors: true }).map((one) => one.color)
    expect(new Set(colors).size).toBe(4)
    expect(colors).not.toContain("#123456")
  })
})

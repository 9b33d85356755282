// @vitest-environment node
import { describe, expect, it } from "vitest"
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

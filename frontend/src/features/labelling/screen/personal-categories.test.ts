// @vitest-environment node
import { describe, expect, it } from "vitest"
import { personalCategories } from "./personal-categories"

const categories = ["Bicycle", "Motorcycle", "Car", "Cycle lane"].map((name, id) => ({
  id,
  name,
  color: "#123456",
  key: name.charAt(0).toLowerCase(),
}))

describe("personalCategories", () => {
  it("has the person's keys, and none for what they left out", () => {
    const own = personalCategories(categories, { keys: { Car: "x" }, hasSafeColors: false })
    expect(own.map((category) => category.key)).toEqual([null, null, "x", null])
    expect(personalCategories(categories, { keys: null, hasSafeColors: false })).toEqual(categories)
  })

  it("tells as many as it has safe colours apart", () => {
    const colors = personalCategories(categories, { keys: null, hasSafeColors: true }).map(
      (one) => one.color,
    )
    expect(new Set(colors).size).toBe(4)
    expect(colors).not.toContain("#123456")
  })
})

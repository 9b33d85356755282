// @vitest-environment node
import { describe, expect, it } from "vitest"
import { changedLook, filterOf, PLAIN } from "./look"

describe("look", () => {
  it("is no filter at all while nothing was changed", () => {
    expect(filterOf(PLAIN)).toBe("none")
  })

  it("applies only what was changed", () => {
    const brighter = changedLook(PLAIN, "brightness", 1.25)
    expect(filterOf(brighter)).toBe("brightness(1.25)")
    const all = changedLook(changedLook(brighter, "contrast", 0.8), "gamma", 1.5)
    expect(filterOf(all)).toBe("brightness(1.25) contrast(0.8) url(#weakseg-gamma)")
  })

  it("stays within what can be made out", () => {
    expect(changedLook(PLAIN, "gamma", 99).gamma).toBe(2.5)
    expect(changedLook(PLAIN, "brightness", 0).brightness).toBe(0.4)
  })
})

import { describe, expect, it } from "vitest"
import { medianOf } from "./median"

describe("medianOf", () => {
  it("is the middle one, or between the two middle ones", () => {
    expect(medianOf([9000, 1000, 5000])).toBe(5000)
    expect(medianOf([1000, 9000, 4000, 6000])).toBe(5000)
  })
})

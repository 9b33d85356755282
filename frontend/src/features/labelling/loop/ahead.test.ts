// @vitest-environment node
import { describe, expect, it } from "vitest"
import { imagesAhead } from "./ahead"

const roomy = { left: 10_000, bytesEach: 8e6, memory: 512e6 }
const labels = (count: number, ms: number) => Array.from({ length: count }, () => ms)

describe("imagesAhead", () => {
  it("is a minute of the person's own pace", () => {
    expect(imagesAhead({ ...roomy, times: labels(30, 2000) })).toBe(30)
    expect(imagesAhead({ ...roomy, times: labels(30, 5500) })).toBe(11)
    const faster = [...labels(30, 20_000), ...labels(20, 3000)]
    expect(imagesAhead({ ...roomy, times: faster })).toBe(20)
  })

  it("is never fewer than five, and grows with each label", () => {
    expect(imagesAhead({ ...roomy, times: [] })).toBe(5)
    expect(imagesAhead({ ...roomy, times: labels(40, 60_000) })).toBe(5)
    expect(imagesAhead({ ...roomy, times: labels(2, 2000) })).toBe(5)
    expect(imagesAhead({ ...roomy, times: labels(3, 2000) })).toBe(20)
    expect(imagesAhead({ ...roomy, times: labels(5, 2000) })).toBe(30)
  })

  it("is bounded by memory, by what is left for others, and for machines", () => {
    const times = labels(30, 2000)
    expect(imagesAhead({ ...roomy, times, bytesEach: 50e6 })).toBe(10)
    expect(imagesAhead({ ...roomy, times, bytesEach: 500e6 })).toBe(5)
    expect(imagesAhead({ ...roomy, times, left: 24 })).toBe(12)
    expect(imagesAhead({ ...roomy, times, left: 3 })).toBe(5)
    expect(imagesAhead({ ...roomy, times: labels(30, 0) })).toBe(60)
  })
})

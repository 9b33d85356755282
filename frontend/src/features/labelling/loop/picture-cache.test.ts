// @vitest-environment node
import { describe, expect, it, vi } from "vitest"
import { PictureCache } from "./picture-cache"

function cacheWith(failures: Record<number, Error[]> = {}) {
  const loads: number[] = []
  const closed: number[] = []
  const timers: (() => void)[] = []
  const pictures = new PictureCache<{ id: number }, { of: number }>({
    load: async ({ id }) => {
      loads.push(id)
      const failure = failures[id]?.shift()
      if (failure) throw failure
      return { of: id }
    },
    close: (picture) => closed.push(picture.of),
    isPassing: (error) => String(error).includes("passing"),
    later: (run) => {
      timers.push(run)
      return () => timers.splice(timers.indexOf(run), timers.includes(run) ? 1 : 0)
    },
  })
  const want = (...ids: number[]) => pictures.want(ids.map((id) => ({ id })))
  const state = (id: number) => pictures.get(id)?.state
  return { pictures, want, state, loads, closed, timers }
}

describe("PictureCache", () => {
  it("loads each wanted picture once, in order", async () => {
    const { want, state, loads } = cacheWith()
    want(1, 2, 3)
    want(1, 2, 3)
    expect(state(1)).toBe("loading")
    await vi.waitFor(() => expect(state(3)).toBe("ready"))
    expect(loads).toEqual([1, 2, 3])
  })

  it("loads no other picture before the first one is there, or can not be had", async () => {
    const { want, state, loads } = cacheWith({ 1: [new Error("not an image")] })
    want(1, 2, 3)
    expect(loads).toEqual([1])
    expect([2, 3].map(state)).toEqual(["loading", "loading"])
    await vi.waitFor(() => expect(state(3)).toBe("ready"))
    expect(loads).toEqual([1, 2, 3])
    want(2, 3, 4)
    expect(loads).toEqual([1, 2, 3, 4])
  })

  it("closes what is not wanted any more, even when it comes later", async () => {
    const { want, state, closed } = cacheWith()
    want(1)
    await vi.waitFor(() => expect(state(1)).toBe("ready"))
    want(2)
    want(3)
    await vi.waitFor(() => expect(state(3)).toBe("ready"))
    expect(closed).toEqual([1, 2])
    expect(state(1)).toBeUndefined()
  })

  it("tries again by itself what may pass", async () => {
    const { want, state, timers } = cacheWith({ 1: [new Error("passing")] })
    want(1)
    await vi.waitFor(() => expect(timers).toHaveLength(1))
    expect(state(1)).toBe("failed")
    timers[0]?.()
    await vi.waitFor(() => expect(state(1)).toBe("ready"))
  })

  it("leaves what will not pass to the person", async () => {
    const { pictures, want, state, timers } = cacheWith({ 1: [new Error("not an image")] })
    want(1)
    await vi.waitFor(() => expect(state(1)).toBe("failed"))
    expect(pictures.get(1)).toEqual({ state: "failed", problem: "Not an image." })
    expect(timers).toEqual([])
    pictures.retry()
    await vi.waitFor(() => expect(state(1)).toBe("ready"))
  })
})

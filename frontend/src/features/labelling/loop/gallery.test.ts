// @vitest-environment node
import { describe, expect, it, vi } from "vitest"
import { Gallery } from "./gallery"

function galleryWith(failures: Record<number, Error[]> = {}) {
  const loads: number[] = []
  const closed: number[] = []
  const timers: (() => void)[] = []
  const gallery = new Gallery<{ id: number }, { of: number }>({
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
  const want = (...ids: number[]) => gallery.want(ids.map((id) => ({ id })))
  const state = (id: number) => gallery.get(id)?.state
  return { gallery, want, state, loads, closed, timers }
}

describe("Gallery", () => {
  it("loads each wanted picture once, in order", async () => {
    const { want, state, loads } = galleryWith()
    want(1, 2, 3)
    want(1, 2, 3)
    expect(state(1)).toBe("loading")
    await vi.waitFor(() => expect(state(3)).toBe("ready"))
    expect(loads).toEqual([1, 2, 3])
  })

  it("loads no other picture before the first one is there, or can not be had", async () => {
    const { want, state, loads } = galleryWith({ 1: [new Error("not an image")] })
    want(1, 2, 3)
    expect(loads).toEqual([1])
    expect([2, 3].map(state)).toEqual(["loading", "loading"])
    await vi.waitFor(() => expect(state(3)).toBe("ready"))
    expect(loads).toEqual([1, 2, 3])
    want(2, 3, 4)
    expect(loads).toEqual([1, 2, 3, 4])
  })

  it("closes what is not wanted any more, even when it comes later", async () => {
    const { want, state, closed } = galleryWith()
    want(1)
    await vi.waitFor(() => expect(state(1)).toBe("ready"))
    want(2)
    want(3)
    await vi.waitFor(() => expect(state(3)).toBe("ready"))
    expect(closed).toEqual([1, 2])
    expect(state(1)).toBeUndefined()
  })

  it("tries again by itself what may pass", async () => {
    const { want, state, timers } = galleryWith({ 1: [new Error("passing")] })
    want(1)
    await vi.waitFor(() => expect(timers).toHaveLength(1))
    expect(state(1)).toBe("failed")
    timers[0]?.()
    await vi.waitFor(() => expect(state(1)).toBe("ready"))
  })

  it("leaves what will not pass to the person", async () => {
    const { gallery, want, state, timers } = galleryWith({ 1: [new Error("not an image")] })
    want(1)
    await vi.waitFor(() => expect(state(1)).toBe("failed"))
    expect(gallery.get(1)).toEqual({ state: "failed", problem: "Not an image." })
    expect(timers).toEqual([])
    gallery.retry()
    await vi.waitFor(() => expect(state(1)).toBe("ready"))
  })
})

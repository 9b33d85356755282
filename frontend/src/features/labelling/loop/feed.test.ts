// @vitest-environment node
import { describe, expect, it, vi } from "vitest"
import { Feed, type FeedParts } from "./feed"

type Lease = { id: string; image: { id: number } }

/** A feed over a server that has the images 1 to `size` and hands each out once. */
function feedOver(size: number, parts: Partial<FeedParts<Lease>> = {}) {
  let next = 1
  const asked: number[] = []
  const released: string[] = []
  const lost = new Set<string>()
  const timers: { run: () => void; ms: number }[] = []
  const failures: Error[] = []
  const feed = new Feed<Lease>({
    ahead: () => 5,
    take: async (count) => {
      asked.push(count)
      const failure = failures.shift()
      if (failure) throw failure
      const ids = Array.from({ length: Math.min(count, size + 1 - next) }, () => next++)
      return ids.map((id) => ({ id: `lease-${id}`, image: { id } }))
    },
    renew: async (ids) => ids.filter((id) => lost.has(id)),
    release: (ids) => released.push(...ids),
    isOnItsWay: () => false,
    isPassing: (error) => String(error).includes("passing"),
    isSignedOut: (error) => String(error).includes("signed out"),
    isFull: (error) => String(error).includes("too many"),
    later: (run, ms) => {
      timers.push({ run, ms })
      return () => undefined
    },
    ...parts,
  })
  const images = () => feed.snapshot().queue.map((lease) => lease.image.id)
  return { feed, images, asked, released, lost, timers, failures }
}

describe("Feed", () => {
  it("keeps five images and asks for one when one is done", async () => {
    const { feed, images, asked } = feedOver(20)
    await feed.fill()
    expect(images()).toEqual([1, 2, 3, 4, 5])
    feed.shift()
    expect(images()).toEqual([2, 3, 4, 5])
    await vi.waitFor(() => expect(images()).toEqual([2, 3, 4, 5, 6]))
    expect(asked).toEqual([5, 1])
  })

  it("asks one request at a time, for all that is missing", async () => {
    const { feed, images, asked } = feedOver(20)
    await feed.fill()
    feed.shift()
    feed.shift()
    feed.shift()
    await vi.waitFor(() => expect(images()).toEqual([4, 5, 6, 7, 8]))
    expect(asked).toEqual([5, 1, 2])
  })

  it("looks ahead as far as it is told now, in requests that are not too large", async () => {
    let ahead = 5
    const { feed, images, asked } = feedOver(90, { ahead: () => ahead })
    await feed.fill()
    ahead = 40
    feed.shift()
    await vi.waitFor(() => expect(images()).toHaveLength(40))
    expect(asked).toEqual([5, 5, 5, 5, 5, 5, 5, 5, 1])
    ahead = 10
    for (let turn = 0; turn < 31; turn++) feed.shift()
    await vi.waitFor(() => expect(images()).toHaveLength(10))
  })

  it("takes no more than a person may hold, and asks again with the next image", async () => {
    const { feed, images, failures, timers } = feedOver(90)
    await feed.fill()
    failures.push(new Error("too many"))
    feed.shift()
    await vi.waitFor(() => expect(timers.map((timer) => timer.ms)).toEqual([3000]))
    expect(feed.snapshot()).toMatchObject({ isDry: false, obstacle: null, problem: null })
    feed.shift()
    await vi.waitFor(() => expect(images()).toEqual([3, 4, 5, 6, 7]))
  })

  it("runs dry, says so, and looks again later", async () => {
    const { feed, images, timers } = feedOver(2)
    await feed.fill()
    expect(feed.snapshot().isDry).toBe(true)
    expect(images()).toEqual([1, 2])
    expect(timers.map((timer) => timer.ms)).toEqual([15_000])
  })

  it("does not show again what is still on its way", async () => {
    const { feed, images } = feedOver(5, { isOnItsWay: (id) => id === 3 })
    await feed.fill()
    expect(images()).toEqual([1, 2, 4, 5])
  })

  it("lets go of lost images, but not of the one in work", async () => {
    const { feed, images, lost } = feedOver(20)
    await feed.fill()
    lost.add("lease-1").add("lease-3")
    await feed.beat(true)
    await vi.waitFor(() => expect(images()).toEqual([1, 2, 4, 5, 6]))
    await feed.beat(false)
    await vi.waitFor(() => expect(images()).toEqual([2, 4, 5, 6, 7]))
  })

  it("tries again by itself when the server cannot be reached", async () => {
    const { feed, images, failures, timers } = feedOver(5)
    failures.push(new Error("passing"))
    await feed.fill()
    expect(feed.snapshot().obstacle).toBe("unreachable")
    timers.pop()?.run()
    await vi.waitFor(() => expect(images()).toHaveLength(5))
    expect(feed.snapshot().obstacle).toBeNull()
  })

  it("waits for a person when nobody is signed in, and tells the server's own words", async () => {
    const { feed, failures, timers } = feedOver(5)
    failures.push(new Error("signed out"), new Error("There is no project 9."))
    await feed.fill()
    expect(feed.snapshot().obstacle).toBe("signed-out")
    expect(timers).toEqual([])
    await feed.fill()
    expect(feed.snapshot().problem).toBe("There is no project 9.")
  })

  it("gives everything back when the page is left, also what comes too late", async () => {
    const { feed, released } = feedOver(20)
    await feed.fill()
    feed.shift()
    feed.close()
    expect(released).toEqual(["lease-2", "lease-3", "lease-4", "lease-5"])
    await vi.waitFor(() => expect(released).toContain("lease-6"))
    feed.open()
    await vi.waitFor(() => expect(feed.snapshot().queue).toHaveLength(5))
  })
})

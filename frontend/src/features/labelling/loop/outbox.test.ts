import "fake-indexeddb/auto"
import { createStore } from "idb-keyval"
import { describe, expect, it, vi } from "vitest"
import { Outbox, type OutboxParts, type Parcel, type Verdict } from "./outbox"
import { parcelStore } from "./stores"

let databases = 0

function parcel(number: number, change: Partial<Parcel> = {}): Parcel {
  const timing = { wall_ms: 4000, active_ms: 4000, events: [] }
  const tags = { present: ["Car"], absent: [], unsure: [] }
  const body = { lease_id: `lease-${number}`, ...tags, points: [], resolves: false, timing }
  return {
    id: `key-${number}`,
    annotatorId: 1,
    projectId: 1,
    imageId: number,
    imageName: `image ${number}`,
    body,
    queuedAt: number,
    ...change,
  }
}

/** An outbox over a real (in-memory) IndexedDB, whose server answers by script and then saves. */
function outboxWith(script: Verdict[] = [], parts: Partial<OutboxParts> = {}) {
  const store = parcelStore(createStore(`outbox-${databases++}`, "labels"))
  const sent: Parcel[] = []
  const timers: { run: () => void; ms: number }[] = []
  const all: OutboxParts = {
    annotatorId: 1,
    store,
    send: async (one) => {
      sent.push(one)
      return script.shift() ?? { kind: "saved" }
    },
    exclusively: (task) => task(),
    later: (run, ms) => {
      const timer = { run, ms }
      timers.push(timer)
      return () => timers.splice(timers.indexOf(timer), timers.includes(timer) ? 1 : 0)
    },
    ...parts,
  }
  return { outbox: new Outbox(all), parts: all, store: all.store, sent, timers, script }
}

const isEmpty = (outbox: Outbox) => outbox.snapshot().waiting.length === 0
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const until = (check: () => boolean) => vi.waitFor(() => expect(check()).toBe(true))
const unreachable: Verdict = { kind: "unreachable" }

describe("Outbox", () => {
  it("sends in the order of submitting and keeps nothing once saved", async () => {
    const { outbox, sent, store } = outboxWith()
    await Promise.all([1, 2, 3].map((number) => outbox.add(parcel(number))))
    await until(() => isEmpty(outbox))
    expect(sent.map((one) => one.imageId)).toEqual([1, 2, 3])
    await vi.waitFor(async () => expect(await store.all()).toEqual([]))
  })

  it("has the label on this device before it is sent", async () => {
    const kept: number[] = []
    const parts = outboxWith()
    const { outbox } = outboxWith([], {
      store: parts.store,
      send: async () => {
        kept.push((await parts.store.all()).length)
        return { kind: "saved" }
      },
    })
    await outbox.add(parcel(1))
    await until(() => isEmpty(outbox))
    expect(kept).toEqual([1])
  })

  it("does not take a label for delivered while the device is still keeping it", async () => {
    const { parts } = outboxWith()
    const slow = { ...parts.store, put: (one: Parcel) => wait(20).then(() => parts.store.put(one)) }
    const { outbox, sent } = outboxWith([], { store: slow })
    await Promise.all([outbox.add(parcel(1)), outbox.add(parcel(2)), outbox.retry()])
    await until(() => isEmpty(outbox))
    expect(sent).toHaveLength(2)
  })

  it("sends again with the same key after growing pauses, and later ones wait behind", async () => {
    const { outbox, sent, timers } = outboxWith(Array(7).fill(unreachable))
    await outbox.add(parcel(1))
    await outbox.add(parcel(2))
    const pauses: number[] = []
    for (let round = 0; round < 7; round++) {
      await until(() => timers.length === 1)
      expect(outbox.snapshot().obstacle).toBe("unreachable")
      const timer = timers.pop()
      pauses.push(timer?.ms ?? 0)
      timer?.run()
    }
    await until(() => isEmpty(outbox))
    expect(pauses).toEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000])
    expect(sent.map((one) => one.id)).toEqual([...Array(8).fill("key-1"), "key-2"])
    expect(outbox.snapshot().obstacle).toBeNull()
  })

  it("waits as long as the server asks", async () => {
    const { outbox, timers } = outboxWith([{ kind: "unreachable", afterMs: 45_000 }])
    await outbox.add(parcel(1))
    await until(() => timers.length === 1)
    expect(timers[0]?.ms).toBe(45_000)
  })

  it("does not wait for the pause when the network is back", async () => {
    const { outbox, timers } = outboxWith([unreachable])
    await outbox.add(parcel(1))
    await until(() => timers.length === 1)
    outbox.retry()
    await until(() => isEmpty(outbox))
    expect(timers).toEqual([])
  })

  it("is taken up by the next page", async () => {
    const first = outboxWith([unreachable])
    await first.outbox.add(parcel(1))
    await first.outbox.add(parcel(2))
    await until(() => first.timers.length === 1)
    first.outbox.close()
    const second = outboxWith([], { store: first.store })
    await second.outbox.load()
    await until(() => isEmpty(second.outbox))
    expect(second.sent.map((one) => one.id)).toEqual(["key-1", "key-2"])
  })

  it("is not said to be empty before this device has told what it holds", async () => {
    const { outbox } = outboxWith()
    expect(outbox.snapshot().isLoaded).toBe(false)
    await outbox.load()
    expect(outbox.snapshot().isLoaded).toBe(true)
    const { outbox: failing } = outboxWith([], {
      store: { ...outboxWith().store, all: () => Promise.reject(new Error("no storage")) },
    })
    await failing.load()
    expect(failing.snapshot().isLoaded).toBe(true)
  })

  it("leaves the labels of somebody else in the same browser alone", async () => {
    const first = outboxWith([unreachable])
    await first.outbox.add(parcel(1))
    const other = outboxWith([], { store: first.store, annotatorId: 2 })
    await other.outbox.load()
    expect(other.outbox.snapshot().waiting).toEqual([])
    expect(other.outbox.snapshot().others.map((one) => one.id)).toEqual(["key-1"])
    expect(other.sent).toEqual([])
    expect(await first.store.all()).toHaveLength(1)
  })

  it("keeps everything through an expired session", async () => {
    const { outbox, sent, timers, store } = outboxWith([{ kind: "signed-out" }])
    await outbox.add(parcel(1))
    await until(() => outbox.snapshot().obstacle === "signed-out")
    await outbox.add(parcel(2))
    await vi.waitFor(async () => expect(await store.all()).toHaveLength(2))
    expect(timers).toEqual([])
    outbox.retry()
    await until(() => isEmpty(outbox))
    expect(new Set(sent.map((one) => one.id))).toEqual(new Set(["key-1", "key-2"]))
  })

  it("sends a label whose lease was lost once more without it, as the same label", async () => {
    const { outbox, sent } = outboxWith([{ kind: "lease-lost" }])
    await outbox.add(parcel(1))
    await until(() => isEmpty(outbox))
    expect(sent.map((one) => [one.id, one.body.lease_id])).toEqual([
      ["key-1", "lease-1"],
      ["key-1", null],
    ])
    expect(outbox.snapshot().refused).toEqual([])
  })

  it("says when someone else has labelled the image, and goes on", async () => {
    const { outbox, store } = outboxWith([
      { kind: "lease-lost" },
      { kind: "refused", reason: "Someone else has labelled it." },
    ])
    await outbox.add(parcel(1))
    await outbox.add(parcel(2))
    await until(() => isEmpty(outbox))
    const [refused] = outbox.snapshot().refused
    expect(refused?.imageName).toBe("image 1")
    expect(refused?.refusal).toContain("Someone else")
    await outbox.dismiss(refused?.id ?? "")
    expect(outbox.snapshot().refused).toEqual([])
    await vi.waitFor(async () => expect(await store.all()).toEqual([]))
  })

  it("shows a refused label again after a reload until it is read", async () => {
    const first = outboxWith([{ kind: "refused", reason: "Unknown category." }])
    await first.outbox.add(parcel(1))
    await until(() => first.outbox.snapshot().refused.length === 1)
    await vi.waitFor(async () =>
      expect((await first.store.all())[0]?.refusal).toBe("Unknown category."),
    )
    const second = outboxWith([], { store: first.store })
    await second.outbox.load()
    expect(second.outbox.snapshot().refused[0]?.refusal).toBe("Unknown category.")
    expect(second.sent).toEqual([])
  })

  it("does not send what another tab has delivered", async () => {
    const first = outboxWith([unreachable])
    await first.outbox.add(parcel(1))
    await until(() => first.timers.length === 1)
    const second = outboxWith([], { store: first.store })
    await second.outbox.load()
    await until(() => isEmpty(second.outbox))
    await vi.waitFor(async () => expect(await first.store.has("key-1")).toBe(false))
    first.outbox.retry()
    await until(() => isEmpty(first.outbox))
    expect(first.sent).toHaveLength(1)
  })

  it("still sends, and says so, when the device keeps nothing", async () => {
    const broken = () => Promise.reject(new Error("no space"))
    const store = { all: broken, put: broken, has: broken, remove: broken }
    const { outbox, sent } = outboxWith([unreachable], { store })
    await outbox.add(parcel(1))
    await until(() => outbox.snapshot().obstacle === "unreachable")
    expect(outbox.snapshot().isFragile).toBe(true)
    outbox.retry()
    await until(() => isEmpty(outbox))
    expect(sent).toHaveLength(2)
  })
})

import "fake-indexeddb/auto"
import { createStore } from "idb-keyval"
import { describe, expect, it, vi } from "vitest"
import { EMPTY_SHEET } from "../answer/sheet"
import { type DraftStore, KeptDrafts } from "./kept-drafts"
import { draftStore } from "./stores"

const DAY_MS = 24 * 3600 * 1000
const nothing = { basis: "", sheet: EMPTY_SHEET, timing: null }
let databases = 0

const newStore = () => draftStore(createStore(`keptDrafts-${databases++}`, "drafts"))

function keptIn(store: DraftStore, change: { annotatorId?: number; today?: () => number } = {}) {
  return new KeptDrafts({ annotatorId: 1, projectId: 7, store, today: () => 0, ...change })
}

const written = (store: DraftStore, count: number) =>
  vi.waitFor(async () => expect(await store.all()).toHaveLength(count))

describe("KeptDrafts", () => {
  it("gives a later page what an earlier one kept, and only to the same person", async () => {
    const store = newStore()
    keptIn(store).keep(5, { ...nothing, basis: "before" })
    await written(store, 1)
    const [own, other] = [keptIn(store), keptIn(store, { annotatorId: 2 })]
    await Promise.all([own.ready, other.ready])
    expect(own.find(5)?.basis).toBe("before")
    expect(other.find(5)).toBeNull()
  })

  it("writes the last of many quick changes, and nothing of what was dropped", async () => {
    const store = newStore()
    const keptDrafts = keptIn(store)
    for (const basis of ["a", "b", "c"]) keptDrafts.keep(5, { ...nothing, basis })
    keptDrafts.keep(6, nothing)
    keptDrafts.drop(6)
    await vi.waitFor(async () => expect((await store.all())[0]?.basis).toBe("c"))
    await written(store, 1)
  })

  it("forgets after two weeks", async () => {
    const store = newStore()
    keptIn(store).keep(5, nothing)
    await written(store, 1)
    await keptIn(store, { today: () => 15 * DAY_MS }).ready
    await written(store, 0)
  })

  it("works on a device that keeps nothing", async () => {
    const broken = () => Promise.reject(new Error("no space"))
    const keptDrafts = keptIn({ all: broken, put: broken, remove: broken })
    await keptDrafts.ready
    keptDrafts.keep(5, nothing)
    expect(keptDrafts.find(5)).not.toBeNull()
  })
})

import "fake-indexeddb/auto"
import { createStore } from "idb-keyval"
import { describe, expect, it, vi } from "vitest"
import { EMPTY_SHEET } from "../answer/sheet"
import { type DraftStore, Shelf } from "./shelf"
import { draftStore } from "./stores"

const DAY_MS = 24 * 3600 * 1000
const nothing = { basis: "", sheet: EMPTY_SHEET, timing: null }
let databases = 0

const newStore = () => draftStore(createStore(`shelf-${databases++}`, "drafts"))

function shelfOver(store: DraftStore, change: { annotatorId?: number; today?: () => number } = {}) {
  return new Shelf({ annotatorId: 1, projectId: 7, store, today: () => 0, ...change })
}

const written = (store: DraftStore, count: number) =>
  vi.waitFor(async () => expect(await store.all()).toHaveLength(count))

describe("Shelf", () => {
  it("gives a later page what an earlier one kept, and only to the same person", async () => {
    const store = newStore()
    shelfOver(store).keep(5, { ...nothing, basis: "before" })
    await written(store, 1)
    const [own, other] = [shelfOver(store), shelfOver(store, { annotatorId: 2 })]
    await Promise.all([own.ready, other.ready])
    expect(own.find(5)?.basis).toBe("before")
    expect(other.find(5)).toBeNull()
  })

  it("writes the last of many quick changes, and nothing of what was dropped", async () => {
    const store = newStore()
    const shelf = shelfOver(store)
    for (const basis of ["a", "b", "c"]) shelf.keep(5, { ...nothing, basis })
    shelf.keep(6, nothing)
    shelf.drop(6)
    await vi.waitFor(async () => expect((await store.all())[0]?.basis).toBe("c"))
    await written(store, 1)
  })

  it("forgets after two weeks", async () => {
    const store = newStore()
    shelfOver(store).keep(5, nothing)
    await written(store, 1)
    await shelfOver(store, { today: () => 15 * DAY_MS }).ready
    await written(store, 0)
  })

  it("works on a device that keeps nothing", async () => {
    const broken = () => Promise.reject(new Error("no space"))
    const shelf = shelfOver({ all: broken, put: broken, remove: broken })
    await shelf.ready
    shelf.keep(5, nothing)
    expect(shelf.find(5)).not.toBeNull()
  })
})

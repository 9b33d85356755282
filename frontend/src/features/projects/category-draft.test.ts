import { expect, test } from "vitest"
import {
  addCategory,
  addNames,
  type CategoryDraft,
  draftCategories,
  freeKey,
  hasProblem,
  keyProblem,
  MAX_CATEGORIES,
  moved,
  nameProblem,
  putBack,
  storedDrafts,
  takenOut,
  toCategories,
  toCategoryChanges,
} from "./category-draft"
import { PRESETS } from "./presets"

test("a category takes the first letter of its name that is free", () => {
  expect(freeKey("Car", new Set())).toBe("c")
  expect(freeKey("Car", new Set(["c"]))).toBe("a")
  expect(freeKey("Car", new Set(["c", "a", "r"]))).toBe("b")
  expect(freeKey("Straße 7", new Set(["s", "t", "r", "a", "e"]))).toBe("7")
})

test("there is no key left after letters and digits", () => {
  const all = new Set("abcdefghijklmnopqrstuvwxyz0123456789")
  expect(freeKey("Car", all)).toBe("")
})

test.each(PRESETS.map((preset) => [preset.name, preset.categories] as const))(
  "%s: names, keys and colours differ, and nothing is wrong",
  (title, names) => {
    const drafts = draftCategories(names)
    expect(title).toContain(String(names.length))
    expect(new Set(drafts.map((draft) => draft.key)).size).toBe(names.length)
    expect(new Set(drafts.map((draft) => draft.color)).size).toBe(names.length)
    expect(hasProblem(drafts)).toBe(false)
  },
)

test("what is wrong with a row is said, and who has its key", () => {
  const drafts = draftCategories(["Car", "Bus"])
  const [car, bus] = drafts
  if (!car || !bus) throw new Error("two rows expected")
  const name = (changed: CategoryDraft) => nameProblem(changed, [car, changed])
  const key = (changed: CategoryDraft) => keyProblem(changed, [car, changed])
  expect(name({ ...bus, name: "  " })).toBe("A name is missing.")
  expect(name({ ...bus, name: "Car " })).toBe("This name is used twice.")
  expect(key({ ...bus, key: "c" })).toBe("C is also the key of Car.")
  expect(key({ ...bus, key: "C" })).toBe("A key is one letter or digit.")
  expect(key({ ...bus, key: "" })).toBeNull()
  expect(key({ ...bus, key: bus.key })).toBeNull()
})

test("there may be more categories than keys", () => {
  const names = Array.from({ length: MAX_CATEGORIES }, (_, index) => `Kind ${index}`)
  const drafts = draftCategories(names)
  expect(new Set(drafts.map((draft) => draft.id)).size).toBe(MAX_CATEGORIES)
  expect(drafts.filter((draft) => draft.key === "")).toHaveLength(MAX_CATEGORIES - 36)
  expect(hasProblem(drafts)).toBe(false)
})

test.each([
  [0, 2, ["Bus", "Tree", "Car"]],
  [2, 0, ["Tree", "Car", "Bus"]],
  [1, 1, ["Car", "Bus", "Tree"]],
  [1, 9, ["Car", "Tree", "Bus"]],
  [1, -1, ["Bus", "Car", "Tree"]],
])("from %i to %i", (from, to, order) => {
  expect(moved(["Car", "Bus", "Tree"], from, to)).toEqual(order)
})

const STORED = [
  { id: 7, name: "Car", color: "#112233", key: "c" },
  { id: 8, name: "Bus", color: "#445566", key: null },
]

test("an untouched project's categories are not sent", () => {
  expect(toCategoryChanges(storedDrafts(STORED), STORED)).toBeNull()
})

test("a category keeps its id wherever it moves; a new one has none", () => {
  const drafts = moved(addNames(storedDrafts(STORED), ["Car", "Tree"]), 1, 0)
  expect(toCategoryChanges(drafts, STORED)?.map(({ id, name }) => [id, name])).toEqual([
    [8, "Bus"],
    [7, "Car"],
    [null, "Tree"],
  ])
})

test("a category that was taken out comes back as what it was", () => {
  const drafts = storedDrafts(STORED).slice(1)
  const [gone] = takenOut(drafts, STORED)
  if (!gone) throw new Error("one was taken out")
  const back = putBack(drafts, gone)
  expect(takenOut(back, STORED)).toEqual([])
  expect(toCategoryChanges(moved(back, 1, 0), STORED)).toBeNull()
})

test("a new row has an id of its own even after a removal", () => {
  const [, bus] = draftCategories(["Car", "Bus"])
  if (!bus) throw new Error("two rows expected")
  expect(addCategory([bus]).map((draft) => draft.id)).toEqual([1, 2])
  expect(addCategory([]).map((draft) => draft.id)).toEqual([0])
})

test("the server is sent trimmed names, and null for a key that is left to it", () => {
  expect(
    toCategories([{ id: 4, storedId: null, name: " Car ", color: "#112233", key: "" }]),
  ).toEqual([{ name: "Car", color: "#112233", key: null }])
})

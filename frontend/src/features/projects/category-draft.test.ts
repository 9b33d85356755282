import { expect, test } from "vitest"
import { addCategory, draftCategories, freeKey, problemOf, toCategories } from "./category-draft"
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
    expect(drafts.map((draft) => problemOf(draft, drafts)).filter(Boolean)).toEqual([])
  },
)

test("what is wrong with a row is said", () => {
  const drafts = draftCategories(["Car", "Bus"])
  const [car, bus] = drafts
  if (!car || !bus) throw new Error("two rows expected")
  const among = (changed: typeof bus) => problemOf(changed, [car, changed])
  expect(among({ ...bus, name: "  " })).toBe("A name is missing.")
  expect(among({ ...bus, name: "Car " })).toBe("This name is used twice.")
  expect(among({ ...bus, key: "c" })).toBe("This key is used twice.")
  expect(among({ ...bus, key: "C" })).toBe("A key is one letter or digit.")
  expect(among({ ...bus, key: "" })).toBeNull()
})

test("a new row has an id of its own even after a removal", () => {
  const [, bus] = draftCategories(["Car", "Bus"])
  if (!bus) throw new Error("two rows expected")
  expect(addCategory([bus]).map((draft) => draft.id)).toEqual([1, 2])
  expect(addCategory([]).map((draft) => draft.id)).toEqual([0])
})

test("the server is sent trimmed names, and null for a key that is left to it", () => {
  expect(toCategories([{ id: 4, name: " Car ", color: "#112233", key: "" }])).toEqual([
    { name: "Car", color: "#112233", key: null },
  ])
})

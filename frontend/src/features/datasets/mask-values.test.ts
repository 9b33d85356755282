import { expect, test } from "vitest"
import { changeOf, draftOf, problemOf } from "./mask-values"

const found = (...values: string[]) =>
  values.map((value) => ({ value, masks: 1, pixels: 9, first: "a.png", known: false }))

test("what the card names comes first, then what masks have besides", () => {
  const card = { ids: { "1": "Road" }, void: [255] }
  expect(draftOf({ card, values: found("0", "1", "7") })).toEqual({
    rows: [
      { value: "1", name: "Road" },
      { value: "255", name: "" },
      { value: "0", name: "" },
      { value: "7", name: "" },
    ],
    othersAreVoid: false,
  })
  expect(
    draftOf({ card: { ids: { "1": "Road" }, void: "others" }, values: found("0") }).rows,
  ).toHaveLength(1)
})

test("a table of numbers or of colours is a change", () => {
  const rows = [
    { value: " 1", name: "Road " },
    { value: "0", name: "" },
    { value: "", name: "" },
  ]
  expect(changeOf({ rows, othersAreVoid: false })).toEqual({
    ids: { "1": "Road" },
    colors: null,
    void: [0],
  })
  expect(changeOf({ rows: [{ value: "#804080", name: "Road" }], othersAreVoid: true })).toEqual({
    colors: { "#804080": "Road" },
    ids: null,
    void: "others",
  })
})

test.each([
  [[{ value: "1", name: "" }], "Name a category"],
  [[{ value: "x", name: "Road" }], "x is neither"],
  [
    [
      { value: "1", name: "Road" },
      { value: "1", name: "Car" },
    ],
    "1 is there twice",
  ],
  [
    [
      { value: "1", name: "Road" },
      { value: "#000000", name: "Car" },
    ],
    "either numbers or colours",
  ],
])("%j is refused", (rows, words) => {
  expect(problemOf({ rows, othersAreVoid: false })).toContain(words)
  expect(problemOf({ rows: [{ value: "1", name: "Road" }], othersAreVoid: false })).toBeNull()
})

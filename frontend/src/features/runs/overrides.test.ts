import { expect, test } from "vitest"
import { parseOverrides } from "./overrides"

const rows = (...pairs: [string, string][]) =>
  pairs.map(([name, value], id) => ({ id, name, value }))

test("values are read as JSON where they are, as text where not", () => {
  const { overrides, problems } = parseOverrides(
    rows(
      ["steps", "300"],
      ["weights.point", " 0.5 "],
      ["predict", "false"],
      ["weights.image_label", "null"],
      ["backbone", "efficientnet-lite0"],
      ["seed", '"7"'],
    ),
  )
  expect(problems).toEqual({})
  expect(overrides).toEqual({
    steps: 300,
    "weights.point": 0.5,
    predict: false,
    "weights.image_label": null,
    backbone: "efficientnet-lite0",
    seed: "7",
  })
})

test("empty lines are left out", () => {
  expect(parseOverrides(rows(["", ""], [" ", " "]))).toEqual({ overrides: {}, problems: {} })
})

test("each wrong line is named", () => {
  const { overrides, problems } = parseOverrides(
    rows(["steps", "1"], ["steps", "2"], ["", "3"], ["seed", ""], ["weights point", "1"]),
  )
  expect(overrides).toEqual({ steps: 1 })
  expect(problems).toEqual({
    1: "This field is set twice.",
    2: "The name of a field is missing.",
    3: "A value is missing.",
    4: "A field is named like weights.point.",
  })
})

test("names that objects have anyway are no fields yet", () => {
  expect(parseOverrides(rows(["constructor", "1"])).problems).toEqual({})
})

import { describe, expect, test } from "vitest"
import { labelOf } from "@/lib/label.fixture"
import { answered, contentOf, nextAnswer, openCategories, startFrom, taken } from "./decision"

const NAMES = ["Car", "Bus", "Tree", "Sky"]
const carHere = { category: "Car", x: 10.5, y: 20.5 }
const carThere = { category: "Car", x: 90.5, y: 20.5 }
const busHere = { category: "Bus", x: 50.5, y: 40.5 }
const first = labelOf({
  id: 1,
  present: ["Car", "Sky"],
  absent: ["Bus", "Tree"],
  points: [carHere],
})
const second = labelOf({
  id: 2,
  annotator_id: 2,
  present: ["Car", "Bus"],
  absent: ["Tree"],
  unsure: ["Sky"],
  points: [carThere, busHere],
})
const BOTH = [first, second]
const POINTS = { mode: "tags-and-points", tile_rows: 2, tile_cols: 2 } as const

test("a decision starts from what all agree on", () => {
  const start = startFrom(BOTH, NAMES)
  expect(start.answers).toEqual({ Car: "present", Tree: "absent" })
  expect(openCategories(start, BOTH, NAMES)).toEqual(["Bus"])
})

test("one person's answers are taken whole, with their points", () => {
  const decision = taken(startFrom(BOTH, NAMES), second, NAMES)
  expect(openCategories(decision, BOTH, NAMES)).toEqual([])
  expect(contentOf(decision, BOTH, POINTS)).toEqual({
    present: ["Car", "Bus"],
    absent: ["Tree"],
    unsure: ["Sky"],
    points: [carThere, busHere],
    tiles: null,
  })
})

test("what a person was not asked stays as all others say", () => {
  const third = labelOf({ id: 3, annotator_id: 3, present: ["Bus"] })
  const start = startFrom([...BOTH, third], NAMES)
  expect(taken(start, third, NAMES).answers).toEqual({
    Car: "present",
    Tree: "absent",
    Bus: "present",
  })
})

test("a category that is decided on its own brings the points of whoever clicked it", () => {
  const decision = answered(startFrom(BOTH, NAMES), "Bus", "present")
  expect(contentOf(decision, BOTH, POINTS).points).toEqual([carHere, busHere])
})

test("a category that is decided absent loses its points", () => {
  const decision = answered(taken(startFrom(BOTH, NAMES), second, NAMES), "Bus", "absent")
  const label = contentOf(decision, BOTH, POINTS)
  expect(label.absent).toContain("Bus")
  expect(label.points).toEqual([carThere])
})

test("points are sent only where the project asks for them", () => {
  const decision = taken(startFrom(BOTH, NAMES), first, NAMES)
  expect(contentOf(decision, BOTH, { ...POINTS, mode: "tags" }).points).toEqual([])
})

describe("tiles", () => {
  const grid = { mode: "tiles", tile_rows: 2, tile_cols: 2 } as const
  const tiled = (id: number, rows: number, present: Record<string, number[]>) =>
    labelOf({
      id,
      annotator_id: id,
      present: Object.keys(present),
      tiles: { rows, cols: 2, present },
    })

  test("are those of the one whose answer is taken", () => {
    const labels = [tiled(1, 2, { Car: [0] }), tiled(2, 2, { Car: [1, 3], Bus: [2] })]
    const [, other] = labels
    if (!other) throw new Error("two labels")
    const decision = taken(startFrom(labels, NAMES), other, NAMES)
    expect(contentOf(decision, labels, grid).tiles).toEqual({
      rows: 2,
      cols: 2,
      present: { Car: [1, 3], Bus: [2] },
    })
  })

  test("of another grid than the project's are left out", () => {
    const labels = [tiled(1, 3, { Car: [5] })]
    expect(contentOf(startFrom(labels, NAMES), labels, grid).tiles?.present).toEqual({})
  })
})

test("a category's key goes round the three answers", () => {
  const round = [undefined, "present", "absent", "unsure"] as const
  expect(round.map(nextAnswer)).toEqual(["present", "absent", "unsure", "present"])
})

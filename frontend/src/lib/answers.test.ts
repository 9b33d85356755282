import { expect, test } from "vitest"
import { answerOf, listed } from "./answers"
import { labelOf } from "./label.fixture"

const label = labelOf({ id: 2, annotator_id: 2, present: ["Bus"], unsure: ["Car"] })

test("a label says one of three things of a category, or nothing", () => {
  const said = ["Car", "Bus", "Tree"].map((name) => answerOf(label, name))
  expect(said).toEqual(["unsure", "present", null])
})

test("lists hold what was answered, in the order it was asked", () => {
  const answers = new Map([
    ["Bus", "present"],
    ["Car", "unsure"],
    ["Sky", "present"],
  ] as const)
  const asked = ["Sky", "Car", "Tree", "Bus"] as const
  const lists = listed(asked, (name) => (name === "Tree" ? undefined : answers.get(name)))
  expect(lists).toEqual({ present: ["Sky", "Bus"], absent: [], unsure: ["Car"] })
})

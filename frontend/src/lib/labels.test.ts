import { expect, test } from "vitest"
import { labelOf } from "./label.fixture"
import { currentLabels, decisionIn, isDisputed, revisionOf, withEarlier } from "./labels"

const first = labelOf({ id: 1, present: ["Car"], absent: ["Bus"] })
const second = labelOf({ id: 2, annotator_id: 2, present: ["Bus"], unsure: ["Car"] })
const again = labelOf({ id: 3, revision: 2, present: ["Bus"], absent: ["Car"] })

test("each person's latest label counts, whatever the order of the history", () => {
  expect(currentLabels([first, second, again])).toEqual([again, second])
  expect(currentLabels([again, second, first])).toEqual([again, second])
})

test("who skipped an image in the end says nothing of it", () => {
  const skip = labelOf({ id: 4, revision: 3, skipped: "blurred" })
  expect(currentLabels([skip, again, second])).toEqual([second])
})

test("present against absent is a dispute; unsure is none", () => {
  expect(isDisputed([first, second], "Bus")).toBe(true)
  expect(isDisputed([first, second], "Car")).toBe(false)
  expect(isDisputed([second, again], "Bus")).toBe(false)
})

test("a decision is found", () => {
  const decision = labelOf({ id: 5, annotator_id: 3, resolves: true })
  expect(decisionIn([first, decision])).toBe(decision)
  expect(decisionIn([first, second])).toBeUndefined()
})

test("a correction is told by what it changed of the same person's label", () => {
  expect(revisionOf(again, [again, second, first])).toEqual({ added: ["Bus"], removed: ["Car"] })
  expect(revisionOf(first, [again, second, first])).toBeNull()
})

test("earlier revisions follow a history, those that it has already once", () => {
  const [one, two, three, four] = [1, 2, 3, 4].map((id) => labelOf({ id }))
  if (!(one && two && three && four)) throw new Error("there are four")
  const pages = [{ items: [three, two] }, { items: [one] }]
  expect(withEarlier([four, two], pages)).toEqual([four, three, two, one])
  expect(withEarlier([four, two], [])).toEqual([four, two])
})

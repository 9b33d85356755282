import { expect, test } from "vitest"
import { planBatches, type Upload } from "./batches"

const upload = (name: string, megabytes: number): Upload => {
  const file = new File([], name)
  Object.defineProperty(file, "size", { value: megabytes * 1_000_000 })
  return { name, file }
}

const namesOf = (batches: Upload[][]) => batches.map((batch) => batch.map(({ name }) => name))

test("nothing needs no request", () => {
  expect(planBatches([])).toEqual([])
})

test("a request holds eight files", () => {
  const uploads = Array.from({ length: 17 }, (_, index) => upload(`${index}.jpg`, 0.1))
  expect(planBatches(uploads).map((batch) => batch.length)).toEqual([8, 8, 1])
})

test("a request holds 20 MB, in the given order", () => {
  const uploads = [upload("a", 12), upload("b", 8), upload("c", 1), upload("d", 19), upload("e", 1)]
  expect(namesOf(planBatches(uploads))).toEqual([["a", "b"], ["c", "d"], ["e"]])
})

test("a file over 20 MB travels alone", () => {
  const uploads = [upload("a", 1), upload("big", 30), upload("b", 1)]
  expect(namesOf(planBatches(uploads))).toEqual([["a"], ["big"], ["b"]])
})

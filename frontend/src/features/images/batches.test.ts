import { expect, test } from "vitest"
import { type Dropped, dropUploads, pickUploads, planBatches, type Upload } from "./batches"

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

test("files of a chosen folder keep their paths, and hidden ones stay behind", () => {
  const inside = new File([], "1.jpg")
  Object.defineProperty(inside, "webkitRelativePath", { value: "cam3/1.jpg" })
  const hidden = new File([], ".DS_Store")
  const plain = new File([], "2.jpg")
  expect(pickUploads([inside, hidden, plain]).map(({ name }) => name)).toEqual([
    "cam3/1.jpg",
    "2.jpg",
  ])
})

test("dropped folders are walked, with their paths", async () => {
  const file = (name: string): Dropped => ({
    kind: "file",
    name,
    getFile: async () => new File([], name),
  })
  const folder = (name: string, entries: Dropped[]): Dropped => ({
    kind: "directory",
    name,
    getEntries: async function* () {
      yield* entries
    },
  })
  const dropped = [
    file("a.jpg"),
    { kind: "text" } as const,
    folder("cam", [file("b.jpg"), folder("night", [file("c.jpg"), file(".hidden")])]),
    folder(".git", [file("d.jpg")]),
  ]
  const names = (await dropUploads(dropped)).map(({ name }) => name)
  expect(names).toEqual(["a.jpg", "cam/b.jpg", "cam/night/c.jpg"])
})

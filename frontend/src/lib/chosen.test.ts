import { expect, test } from "vitest"
import { type Chosen, type Dropped, describeLeftOut, dropUploads, pickUploads } from "./chosen"

const namesOf = ({ uploads }: Chosen) => uploads.map(({ name }) => name)

function inFolder(path: string): File {
  const file = new File([], path.split("/").at(-1) ?? "")
  Object.defineProperty(file, "webkitRelativePath", { value: path })
  return file
}

test("files of a chosen folder keep their paths, and the pictures among them are sent", () => {
  const chosen = pickUploads(
    [
      ["cam3/1.jpg", "cam3/2.HEIC", "cam3/x/3.jfif", "cam3/4.a.Jpe"],
      ["cam3/film.MOV", "cam3/clip.mov", "cam3/notes.txt", "cam3/README", "cam3/x.", "cam3/x. y"],
      ["cam3/.DS_Store", "cam3/._1.jpg", "cam3/@eaDir/1.jpg", "cam3/Thumbs.db"],
      ["cam3/.thumbs/1.jpg", "__MACOSX/cam3/1.jpg"],
    ]
      .flat()
      .map(inFolder),
  )
  expect(namesOf(chosen)).toEqual(["cam3/1.jpg", "cam3/2.HEIC", "cam3/x/3.jfif", "cam3/4.a.Jpe"])
  expect(describeLeftOut(chosen)).toBe(
    "left out: 6 hidden, 2 without an ending, 1 with another ending, 2 .mov, 1 .txt",
  )
})

test("a file that is chosen by itself is meant, unless it is hidden", () => {
  const chosen = pickUploads([new File([], "scan"), new File([], "2.gif"), new File([], "._1.jpg")])
  expect(namesOf(chosen)).toEqual(["scan", "2.gif"])
  expect(describeLeftOut(chosen)).toBe("left out: 1 hidden")
})

test("nothing that is left out needs no word", () => {
  expect(describeLeftOut(pickUploads([]))).toBe("")
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
  const night = folder("night", [file("c.jpg"), file(".hidden"), file("c.json")])
  const dropped = [
    file("a.jpg"),
    { kind: "text" } as const,
    folder("cam", [file("b.jpg"), night]),
    folder(".git", [file("d.jpg"), file("e.jpg")]),
  ]
  const chosen = await dropUploads(dropped)
  expect(namesOf(chosen)).toEqual(["a.jpg", "cam/b.jpg", "cam/night/c.jpg"])
  expect(describeLeftOut(chosen)).toBe("left out: 2 hidden, 1 .json")
})

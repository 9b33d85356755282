import { expect, test } from "vitest"
import { ApiProblem } from "@/api/client"
import type { ImportResult } from "@/api/images"
import type { Upload } from "./batches"
import { IDLE, type ImportEvent, type ImportState, reduceImport } from "./import-state"
import { sendBatches } from "./send-batches"

const uploads = (...names: string[]): Upload[] =>
  names.map((name) => ({ name, file: new File(["1234"], name) }))

const namesOf = (list: readonly { name: string }[]) => list.map(({ name }) => name)

/** A server that fails at some files, and what the page shows in the end. */
async function run(state: ImportState, files: readonly Upload[], fails: (name: string) => number) {
  const requests: string[][] = []
  let shown = reduceImport(state, { kind: "started", uploads: files })
  const send = async (batch: readonly Upload[]): Promise<ImportResult> => {
    requests.push(namesOf(batch))
    const status = Math.max(0, ...batch.map(({ name }) => fails(name)))
    if (status > 0) throw new ApiProblem("Something went wrong.", status % 1000, "internal")
    return { imported: batch.length, skipped: 0, rejected: [] }
  }
  await sendBatches(files, send, (event: ImportEvent) => {
    shown = reduceImport(shown, event)
  })
  return { shown, requests }
}

test("a file that the server fails at is named, and all others are imported", async () => {
  const { shown, requests } = await run(IDLE, uploads("a", "b", "c"), (name) =>
    name === "b" ? 500 : 0,
  )
  expect(requests).toEqual([["a", "b", "c"], ["a"], ["b"], ["c"]])
  expect(shown).toMatchObject({ phase: "done", doneFiles: 3, result: { imported: 2 } })
  expect(namesOf(shown.result.rejected)).toEqual(["b"])
  expect(shown.result.rejected[0]?.reason).toMatch(/Something went wrong/)
})

test("going on with the rest never sends the same again and comes to an end", async () => {
  const files = uploads("a", "b", "c", "d", "e", "f", "g")
  let state = IDLE
  let left: readonly Upload[] = files
  const rounds: number[] = []
  do {
    const { shown } = await run(state, left, () => 500)
    state = shown
    left = shown.left
    rounds.push(left.length)
  } while (left.length > 0)
  expect(rounds).toEqual([4, 1, 0])
  expect(namesOf(state.result.rejected)).toEqual(namesOf(files))
})

test.each([401, 429, 503, 507, 1000])(
  "after %i, which is no file's fault, all of it is left",
  async (status) => {
    const files = uploads("a", "b")
    const { shown, requests } = await run(IDLE, files, () => status)
    expect(requests).toEqual([["a", "b"]])
    expect(shown).toMatchObject({ phase: "stopped", left: files, result: { rejected: [] } })
  },
)

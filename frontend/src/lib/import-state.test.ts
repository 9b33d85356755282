import { expect, test } from "vitest"
import type { Upload } from "./batches"
import { IDLE, progressOf, reduceImport } from "./import-state"

const upload = (name: string, content: string): Upload => ({
  name,
  file: new File([content], name),
})
const first = upload("a.jpg", "1234")
const second = upload("b.jpg", "123456")
const started = reduceImport(IDLE, { kind: "started", uploads: [first, second] })

test("progress counts bytes, those under way too, and never passes the end", () => {
  expect(progressOf(started)).toBe(0)
  const halfway = reduceImport(started, { kind: "sent", bytes: 5 })
  expect(progressOf(halfway)).toBe(0.5)
  const overhead = reduceImport(started, { kind: "sent", bytes: 999 })
  expect(progressOf(overhead)).toBe(1)
})

test("answers add up", () => {
  const one = reduceImport(started, {
    kind: "answered",
    batch: [first],
    result: { imported: 1, skipped: 0, rejected: [] },
  })
  const two = reduceImport(one, {
    kind: "answered",
    batch: [second],
    result: { imported: 0, skipped: 0, rejected: [{ name: "b.jpg", reason: "not an image" }] },
  })
  expect(two).toMatchObject({ doneFiles: 2, doneBytes: 10, sentBytes: 0 })
  expect(two.result).toEqual({
    imported: 1,
    skipped: 0,
    rejected: [{ name: "b.jpg", reason: "not an image" }],
  })
  expect(reduceImport(two, { kind: "finished" }).phase).toBe("done")
})

test("after a stop, the rest is known and the result goes on", () => {
  const one = reduceImport(started, {
    kind: "answered",
    batch: [first],
    result: { imported: 1, skipped: 0, rejected: [] },
  })
  const error = new Error("The connection was lost.")
  const stopped = reduceImport(one, { kind: "failed", error, left: [second] })
  expect(stopped).toMatchObject({ phase: "stopped", error, left: [second] })
  const again = reduceImport(stopped, { kind: "started", uploads: stopped.left })
  expect(again).toMatchObject({ phase: "sending", totalFiles: 1, error: null })
  expect(again.result.imported).toBe(1)
})

test("a new import after a finished one starts from nothing", () => {
  const done = reduceImport(
    { ...started, result: { imported: 7, skipped: 0, rejected: [] } },
    { kind: "finished" },
  )
  expect(reduceImport(done, { kind: "started", uploads: [first] }).result.imported).toBe(0)
})

import type { ImportResult } from "@/api/images"
import type { Upload } from "./batches"

/** How an import stands. */
export type ImportState = {
  phase: "idle" | "sending" | "stopped" | "done"
  totalFiles: number
  totalBytes: number
  /** Files and bytes of requests that were answered. */
  doneFiles: number
  doneBytes: number
  /** Bytes of the request under way. */
  sentBytes: number
  result: ImportResult
  /** Why it stopped, and what was not sent. */
  error: Error | null
  left: readonly Upload[]
}

export type ImportEvent =
  | { kind: "started"; uploads: readonly Upload[] }
  | { kind: "sent"; bytes: number }
  | { kind: "answered"; batch: readonly Upload[]; result: ImportResult }
  | { kind: "failed"; error: Error; left: readonly Upload[] }
  | { kind: "finished" }

const NOTHING: ImportResult = { imported: 0, skipped: 0, rejected: [] }

export const IDLE: ImportState = {
  phase: "idle",
  totalFiles: 0,
  totalBytes: 0,
  doneFiles: 0,
  doneBytes: 0,
  sentBytes: 0,
  result: NOTHING,
  error: null,
  left: [],
}

const bytesOf = (uploads: readonly Upload[]): number =>
  uploads.reduce((bytes, { file }) => bytes + file.size, 0)

export function reduceImport(state: ImportState, event: ImportEvent): ImportState {
  switch (event.kind) {
    case "started":
      return {
        ...IDLE,
        phase: "sending",
        totalFiles: event.uploads.length,
        totalBytes: bytesOf(event.uploads),
        // What is sent again after a stop adds to what was imported before it.
        result: state.phase === "stopped" ? state.result : NOTHING,
      }
    case "sent":
      return { ...state, sentBytes: event.bytes }
    case "answered":
      return {
        ...state,
        doneFiles: state.doneFiles + event.batch.length,
        doneBytes: state.doneBytes + bytesOf(event.batch),
        sentBytes: 0,
        result: add(state.result, event.result),
      }
    case "failed":
      return { ...state, phase: "stopped", sentBytes: 0, error: event.error, left: event.left }
    case "finished":
      return { ...state, phase: "done" }
  }
}

const add = (one: ImportResult, other: ImportResult): ImportResult => {
  const notes = [...(one.notes ?? []), ...(other.notes ?? [])]
  return {
    imported: one.imported + other.imported,
    skipped: one.skipped + other.skipped,
    rejected: [...one.rejected, ...other.rejected],
    ...(notes.length > 0 && { notes }),
  }
}

/** From 0 to 1; bytes under way count, but never more than the files hold. */
export function progressOf(state: ImportState): number {
  if (state.totalBytes === 0) return state.phase === "done" ? 1 : 0
  return Math.min(1, (state.doneBytes + state.sentBytes) / state.totalBytes)
}

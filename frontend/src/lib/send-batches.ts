import { ApiProblem, messageOf } from "@/api/client"
import type { ImportResult } from "@/api/images"
import { planBatches, type Upload } from "./batches"
import type { ImportEvent } from "./import-state"

/** So many files in a row that fail by themselves, and it is not the files. */
const MOST_FAILURES = 3

/** Answers that say nothing of the files sent: the same may be sent again later. */
const IS_NOT_THE_FILES = [0, 401, 403, 404, 408, 429, 502, 503, 504, 507]

type Send = (batch: readonly Upload[]) => Promise<ImportResult>
type Tell = (event: ImportEvent) => void

/**
 * Sends uploads one request after the other, and tells what comes of each. A request that the
 * server fails at is sent again file by file: the one that it fails at is rejected by name, so
 * that what is left grows smaller each time.
 */
export async function sendBatches(
  uploads: readonly Upload[],
  send: Send,
  tell: Tell,
): Promise<void> {
  const batches = planBatches(uploads)
  let failures = 0
  for (const [index, batch] of batches.entries()) {
    const { error, left, failed } = await sendBatch(batch, failures, send, tell)
    failures = failed
    const rest = [...left, ...batches.slice(index + 1).flat()]
    if (error && rest.length > 0) {
      tell({ kind: "failed", error, left: rest })
      return
    }
  }
  tell({ kind: "finished" })
}

type Sent = {
  /** Why it cannot go on, and what was not sent. */
  error?: Error
  left: readonly Upload[]
  /** Files that failed by themselves since the last that did not. */
  failed: number
}

async function sendBatch(
  batch: readonly Upload[],
  failed: number,
  send: Send,
  tell: Tell,
): Promise<Sent> {
  const answer = await send(batch).catch((error: Error) => error)
  if (!(answer instanceof Error)) {
    tell({ kind: "answered", batch, result: answer })
    return { left: [], failed: 0 }
  }
  if (!isOfTheFiles(answer)) return { error: answer, left: batch, failed }
  if (batch.length > 1) return sendOneByOne(batch, failed, send, tell)
  tell({ kind: "answered", batch, result: rejected(batch, answer) })
  const isEnough = failed + 1 === MOST_FAILURES
  return { ...(isEnough && { error: answer }), left: [], failed: failed + 1 }
}

async function sendOneByOne(
  batch: readonly Upload[],
  failed: number,
  send: Send,
  tell: Tell,
): Promise<Sent> {
  let sent: Sent = { left: [], failed }
  for (const [index, upload] of batch.entries()) {
    sent = await sendBatch([upload], sent.failed, send, tell)
    if (sent.error) return { ...sent, left: [...sent.left, ...batch.slice(index + 1)] }
  }
  return sent
}

const isOfTheFiles = (error: Error): boolean =>
  error instanceof ApiProblem && !IS_NOT_THE_FILES.includes(error.status)

const rejected = (batch: readonly Upload[], error: Error): ImportResult => ({
  imported: 0,
  skipped: 0,
  rejected: batch.map(({ name }) => ({ name, reason: `Not taken: ${messageOf(error)}` })),
})

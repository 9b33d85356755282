import { useEffect, useReducer, useRef } from "react"
import type { ImportResult } from "@/api/images"
import type { Progress } from "@/api/upload"
import type { Upload } from "./batches"
import { IDLE, reduceImport } from "./import-state"
import { sendBatches } from "./send-batches"

type Send = (files: FormData, progress: Progress) => Promise<ImportResult>

/** Sends files to the server, one request after the other. */
export function useSending(send: Send) {
  const [state, dispatch] = useReducer(reduceImport, IDLE)
  const stopper = useRef<AbortController>(null)
  useEffect(() => () => stopper.current?.abort(), [])

  const start = async (uploads: readonly Upload[]) => {
    const own = new AbortController()
    stopper.current = own
    dispatch({ kind: "started", uploads })
    const sendBatch = (batch: readonly Upload[]) =>
      send(toForm(batch), {
        onProgress: (bytes) => dispatch({ kind: "sent", bytes }),
        signal: own.signal,
      })
    await sendBatches(uploads, sendBatch, dispatch)
  }
  return { state, start, stop: () => stopper.current?.abort() }
}

function toForm(batch: readonly Upload[]): FormData {
  const form = new FormData()
  for (const { name, file } of batch) form.append("files", file, name)
  return form
}

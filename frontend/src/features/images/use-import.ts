import { useQueryClient } from "@tanstack/react-query"
import { useEffect, useReducer, useRef } from "react"
import { projectsQuery } from "@/api/projects"
import { sendImport } from "@/api/upload"
import type { Upload } from "./batches"
import { IDLE, reduceImport } from "./import-state"
import { sendBatches } from "./send-batches"

/** Imports files into a project, one request after the other. */
export function useImport(projectId: number) {
  const [state, dispatch] = useReducer(reduceImport, IDLE)
  const queryClient = useQueryClient()
  const stopper = useRef<AbortController>(null)
  useEffect(() => () => stopper.current?.abort(), [])

  const start = async (uploads: readonly Upload[]) => {
    const own = new AbortController()
    stopper.current = own
    dispatch({ kind: "started", uploads })
    const send = (batch: readonly Upload[]) =>
      sendImport({
        projectId,
        body: toForm(batch),
        onProgress: (bytes) => dispatch({ kind: "sent", bytes }),
        signal: own.signal,
      }).finally(() => queryClient.invalidateQueries({ queryKey: projectsQuery.queryKey }))
    await sendBatches(uploads, send, dispatch)
  }
  return { state, start, stop: () => stopper.current?.abort() }
}

function toForm(batch: readonly Upload[]): FormData {
  const form = new FormData()
  for (const { name, file } of batch) form.append("files", file, name)
  return form
}

import { useQueryClient } from "@tanstack/react-query"
import { useEffect, useReducer, useRef } from "react"
import { projectsQuery } from "@/api/projects"
import { sendImport } from "@/api/upload"
import { planBatches, type Upload } from "./batches"
import { IDLE, reduceImport } from "./import-state"

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
    const batches = planBatches(uploads)
    for (const [index, batch] of batches.entries()) {
      try {
        const result = await sendImport({
          projectId,
          body: toForm(batch),
          onProgress: (bytes) => dispatch({ kind: "sent", bytes }),
          signal: own.signal,
        })
        dispatch({ kind: "answered", batch, result })
      } catch (error) {
        const left = batches.slice(index).flat()
        dispatch({ kind: "failed", error: error as Error, left })
        return
      } finally {
        queryClient.invalidateQueries({ queryKey: projectsQuery.queryKey })
      }
    }
    dispatch({ kind: "finished" })
  }
  return { state, start, stop: () => stopper.current?.abort() }
}

function toForm(batch: readonly Upload[]): FormData {
  const form = new FormData()
  for (const { name, file } of batch) form.append("files", file, name)
  return form
}

import { useQuery, useQueryClient } from "@tanstack/react-query"
import { useEffect, useReducer, useState } from "react"
import { eventsUrl, type MetricPoint, metricsQuery } from "@/api/runs"
import { addEvents, SILENCE } from "./run-progress"

const KINDS = [
  "started",
  "progress",
  "evaluated",
  "checkpoint",
  "predicting",
  "finished",
  "failed",
  "state",
]
const FLUSH_MS = 200
const AGAIN_MS = 30_000

/**
 * Everything a run has said, and, while it goes on, what it says as it says it. `follow` listens
 * again once a run that was over goes on.
 */
export function useRunProgress(runId: number) {
  const past = useQuery(metricsQuery(runId))
  const [progress, add] = useReducer(addEvents, SILENCE)
  const [isOver, setOver] = useState(false)
  const queryClient = useQueryClient()
  const after = past.data && (past.data.at(-1)?.id ?? 0)

  useEffect(() => {
    if (past.data) add(past.data)
  }, [past.data])

  useEffect(() => {
    if (after === undefined || isOver) return
    return followRun(runId, after, {
      onEvents: (events) => {
        add(events)
        if (events.some(({ kind }) => kind === "checkpoint" || kind === "state")) {
          queryClient.invalidateQueries({ queryKey: ["runs", runId], predicate: isNotMetrics })
        }
      },
      onEnd: () => {
        setOver(true)
        queryClient.invalidateQueries({ predicate: isNotMetrics })
      },
    })
  }, [runId, after, isOver, queryClient])

  return { progress, isLoading: past.isPending, follow: () => setOver(false) }
}

/** What was reported never changes, and what is new arrives by itself. */
const isNotMetrics = ({ queryKey }: { queryKey: readonly unknown[] }) =>
  queryKey.at(-1) !== "metrics"

type Listener = { onEvents: (events: MetricPoint[]) => void; onEnd: () => void }

/** Listens to a run until it ends or the returned function is called. */
function followRun(runId: number, after: number, { onEvents, onEnd }: Listener): () => void {
  let source: EventSource
  let again: ReturnType<typeof setTimeout> | undefined
  let last = after
  let waiting: MetricPoint[] = []
  const flush = () => {
    if (waiting.length > 0) onEvents(waiting)
    waiting = []
  }
  const timer = setInterval(flush, FLUSH_MS)
  const stop = () => {
    clearInterval(timer)
    clearTimeout(again)
    source.close()
  }
  const open = () => {
    source = new EventSource(`${eventsUrl(runId)}?after=${last}`)
    for (const kind of KINDS) {
      source.addEventListener(kind, ({ data }) => {
        const event = JSON.parse(data) as MetricPoint
        last = event.id
        waiting.push(event)
      })
    }
    source.addEventListener("end", () => {
      stop()
      flush()
      onEnd()
    })
    // A connection that breaks is made again by the browser; one that was refused is not.
    source.addEventListener("error", () => {
      if (source.readyState === EventSource.CLOSED) again = setTimeout(open, AGAIN_MS)
    })
  }
  open()
  return stop
}

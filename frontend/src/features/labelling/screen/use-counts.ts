import { useEffect, useEffectEvent, useState } from "react"
import { type Project, progressOf } from "@/api/projects"
import { projectOf } from "../loop/transport"

const COUNT_AGAIN_MS = 20_000

type Progress = {
  /** Images of this session that the server knows to be done. */
  done: number
  /** Whether there is nothing to do, so that the counts matter most. */
  isIdle: boolean
}

/** The project with fresh counts, and how many answers are left by now. */
export function useCounts(opened: Project, { done, isIdle }: Progress) {
  const [counted, setCounted] = useState({ project: opened, done: 0 })
  const count = useEffectEvent(async () => {
    // Not by the query cache, for which an ended session is the end of the page.
    const project = await projectOf(opened.id).catch(() => null)
    if (project) setCounted({ project, done })
  })
  useEffect(() => {
    if (isIdle) void count()
    const timer = setInterval(() => void count(), COUNT_AGAIN_MS)
    return () => clearInterval(timer)
  }, [isIdle])
  const left = progressOf(counted.project).left - (done - counted.done)
  return { project: counted.project, left: Math.max(0, left) }
}

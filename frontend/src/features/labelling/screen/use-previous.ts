import { useEffect, useRef, useState } from "react"
import type { Category } from "@/api/projects"
import type { Task } from "../loop/draft"
import type { Session } from "../loop/session"
import { fileOf, predictionOf, runBefore } from "../loop/transport"
import type { Overlay } from "../stage/overlay-maker"
import { loadOverlay } from "../stage/picture"

type Previous = { imageId: number; run: number; overlay: Overlay }

type Options = {
  session: Session
  task: Task | null
  projectId: number
  categories: readonly Category[]
  /** Whether it is wanted now: it is fetched no earlier. */
  isHeld: boolean
}

/** What the model before said of the image, to be flickered against what this one says. */
export function usePrevious({ session, task, projectId, categories, isHeld }: Options) {
  const [previous, setPrevious] = useState<Previous | null>(null)
  const asked = useRef<number | null>(null)
  const imageId = task?.id ?? null
  const run = task?.prediction?.run_id ?? null
  useEffect(() => {
    if (!isHeld || imageId === null || run === null || asked.current === imageId) return
    asked.current = imageId
    const colors = categories.map((category) => category.color)
    const load = async () => {
      const before = await runBefore(projectId, run)
      const prediction = before === null ? null : await predictionOf(imageId, before)
      if (before === null || !prediction?.mask_url) return false
      const overlay = await loadOverlay(prediction.mask_url, colors, fileOf)
      setPrevious({ imageId, run: before, overlay })
      return true
    }
    const say = (text: string) => session.workspace.say(text, true)
    load().then(
      (isThere) => isThere || say("No earlier model has a prediction of this image."),
      () => {
        asked.current = null
        say("The earlier prediction cannot be loaded at the moment.")
      },
    )
  }, [isHeld, imageId, run, projectId, categories, session])
  return isHeld && previous?.imageId === imageId ? previous : null
}

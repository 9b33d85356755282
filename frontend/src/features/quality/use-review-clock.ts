import { useEffect, useRef } from "react"
import type { Timing } from "@/api/quality"

/** Measures how long somebody works on an image. */
export type ReviewClock = {
  input: () => void
  hide: () => void
  show: () => void
  read: () => Timing
}

const INPUTS = ["keydown", "pointerdown", "pointermove", "wheel"] as const

/** Runs while the image is on the page; gives a way to read it. */
export function useReviewClock(imageId: number, start: () => ReviewClock): () => Timing {
  const clock = useRef<ReviewClock | null>(null)
  // biome-ignore lint/correctness/useExhaustiveDependencies: each image has a clock of its own
  useEffect(() => {
    const started = start()
    clock.current = started
    const input = () => started.input()
    const turn = () => (document.hidden ? started.hide() : started.show())
    for (const kind of INPUTS) window.addEventListener(kind, input, { passive: true })
    document.addEventListener("visibilitychange", turn)
    return () => {
      for (const kind of INPUTS) window.removeEventListener(kind, input)
      document.removeEventListener("visibilitychange", turn)
    }
  }, [imageId, start])
  return () => clock.current?.read() ?? { wall_ms: 0, events: [] }
}

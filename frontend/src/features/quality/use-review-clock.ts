import { useEffect, useRef } from "react"
import { Clock, NO_TIME, noteInputs, type Timing } from "@/lib/clock"

/** Reviewing is timed as labelling is, while the image is on the page; gives a way to read it. */
export function useReviewClock(imageId: number): () => Timing {
  const clock = useRef<Clock | null>(null)
  // biome-ignore lint/correctness/useExhaustiveDependencies: each image has a clock of its own
  useEffect(() => {
    const started = new Clock(() => performance.now())
    clock.current = started
    const turn = () => (document.hidden ? started.hide() : started.show())
    const stopNoting = noteInputs({ clock: () => started })
    document.addEventListener("visibilitychange", turn)
    return () => {
      stopNoting()
      document.removeEventListener("visibilitychange", turn)
    }
  }, [imageId])
  return () => clock.current?.read() ?? NO_TIME
}

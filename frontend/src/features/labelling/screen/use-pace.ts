import { useEffect, useEffectEvent, useRef, useState } from "react"
import { Breaks } from "../loop/breaks"
import { continued, dayOf, type Streak, streakFrom } from "../loop/streak"
import { useRemembered } from "./use-remembered"

/** A person's own days and images at this device; `labelled`: images of this session so far. */
export function useStreak(personId: number, labelled: number): Streak {
  const today = dayOf(new Date())
  const place = `weakseg.streak.${personId}`
  const [streak, setStreak] = useRemembered(place, (kept) => streakFrom(kept, today))
  const counted = useRef(labelled)
  const count = useEffectEvent(() => {
    if (labelled > counted.current) setStreak(continued(streak, dayOf(new Date())))
    counted.current = labelled
  })
  // biome-ignore lint/correctness/useExhaustiveDependencies: runs for each image that is labelled
  useEffect(() => count(), [labelled])
  return streak
}

/** Whether a break would do good now, and how to say no. */
export function useBreaks() {
  const [isDue, setDue] = useState(false)
  const breaks = useRef(new Breaks())
  useEffect(() => {
    const note = () => setDue(breaks.current.input(performance.now()))
    for (const kind of ["keydown", "pointerdown"]) window.addEventListener(kind, note)
    return () => {
      for (const kind of ["keydown", "pointerdown"]) window.removeEventListener(kind, note)
    }
  }, [])
  const dismiss = () => {
    breaks.current.dismiss(performance.now())
    setDue(false)
  }
  return { isDue, dismiss }
}

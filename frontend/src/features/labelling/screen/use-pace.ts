import { useEffect, useEffectEvent, useRef } from "react"
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

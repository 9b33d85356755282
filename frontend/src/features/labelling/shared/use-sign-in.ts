import { useEffect, useState } from "react"
import type { Clock } from "@/lib/clock"

type SignInParts = {
  /** What keeps each part of the work waiting. */
  obstacles: readonly (string | null)[]
  /** Whose clock stands still while somebody signs in, and for whom the dialog's Enter is not. */
  timed: { clock: () => Clock | null; askAnew: () => void }
  /** Go on with all that waited. */
  resume: () => void
}

/** Asks to sign in when the server says that nobody is; at most once until work goes on. */
export function useSignIn({ obstacles, timed, resume }: SignInParts) {
  const [isPutOff, setPutOff] = useState(false)
  const isAsked = obstacles.includes("signed-out") && !isPutOff
  useEffect(() => {
    const clock = timed.clock()
    if (isAsked) clock?.startWait()
    else clock?.endWait()
  }, [isAsked, timed])
  const done = () => {
    setPutOff(false)
    timed.askAnew()
    resume()
  }
  return { isAsked, done, putOff: () => setPutOff(true) }
}

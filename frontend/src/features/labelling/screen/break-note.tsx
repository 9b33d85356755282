import { useEffect, useRef, useState } from "react"
import { Breaks } from "../loop/breaks"
import { RestNote } from "./notes"

/** After 50 minutes of work, and no more than once an hour. */
export function BreakNote() {
  const { isDue, dismiss } = useBreaks()
  return isDue && <RestNote onDismiss={dismiss} />
}

/** Whether a break would do good now, and how to say no. */
function useBreaks() {
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

import { ChevronDown } from "lucide-react"
import { type RefObject, useEffect, useLayoutEffect, useRef, useState } from "react"
import styles from "./more-below.module.css"

type MoreBelowProps = {
  /** What scrolls. */
  list: RefObject<HTMLElement | null>
  /** What the list is about: something else starts at the top. */
  subject: unknown
}

/** Says how much of a list is below its fold, so that nothing is answered unseen; goes on there. */
export function MoreBelow({ list, subject }: MoreBelowProps) {
  const count = useBelow(list)
  const shown = useRef(subject)
  useEffect(() => {
    // Not at first: this may come after somebody has scrolled.
    if (shown.current !== subject) list.current?.scrollTo(0, 0)
    shown.current = subject
  }, [list, subject])
  if (count === 0) return null
  // By what was not seen yet, not by a share of the height: in a low window that may be less than a row.
  const goOn = () => {
    const watched = list.current
    const first = watched && childrenBelow(watched)[0]
    if (!first) return
    const top = first.getBoundingClientRect().top - watched.getBoundingClientRect().top
    watched.scrollBy({ top, behavior: motion() })
  }
  return (
    <button type="button" className={styles.below} onClick={goOn}>
      {count} more below
      <ChevronDown aria-hidden="true" />
    </button>
  )
}

const motion = (): ScrollBehavior =>
  matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth"

function useBelow(list: RefObject<HTMLElement | null>): number {
  const [count, setCount] = useState(0)
  // Whatever else is shown comes with a new rendering.
  useLayoutEffect(() => setCount(countBelow(list.current)))
  useEffect(() => {
    const watched = list.current
    if (!watched) return
    const measure = () => setCount(countBelow(watched))
    const observer = new ResizeObserver(measure)
    observer.observe(watched)
    watched.addEventListener("scroll", measure, { passive: true })
    return () => {
      observer.disconnect()
      watched.removeEventListener("scroll", measure)
    }
  }, [list])
  return count
}

const countBelow = (list: HTMLElement | null): number => (list ? childrenBelow(list).length : 0)

/** The children that nobody can make out, being further down. */
function childrenBelow(list: HTMLElement): Element[] {
  const fold = list.getBoundingClientRect().bottom
  return [...list.children].filter((child) => {
    const { top, height } = child.getBoundingClientRect()
    return top + height * 0.75 > fold
  })
}

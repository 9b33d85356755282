import { ChevronDown } from "lucide-react"
import { type RefObject, useEffect, useLayoutEffect, useState } from "react"
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
  // biome-ignore lint/correctness/useExhaustiveDependencies: with another subject
  useEffect(() => {
    list.current?.scrollTo(0, 0)
  }, [list, subject])
  if (count === 0) return null
  const goOn = () => {
    const { clientHeight = 0 } = list.current ?? {}
    list.current?.scrollBy({ top: clientHeight * 0.9, behavior: motion() })
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
  useLayoutEffect(() => setCount(belowOf(list.current)))
  useEffect(() => {
    const watched = list.current
    if (!watched) return
    const measure = () => setCount(belowOf(watched))
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

/** How many children nobody can make out, being further down. */
function belowOf(list: HTMLElement | null): number {
  if (!list) return 0
  const fold = list.getBoundingClientRect().bottom
  const boxes = [...list.children].map((child) => child.getBoundingClientRect())
  return boxes.filter(({ top, height }) => top + height * 0.75 > fold).length
}

import { Button } from "@/components/button"
import { Notice } from "@/components/notice"
import styles from "./labelling.module.css"
import { useBreaks } from "./use-pace"

/** After 50 minutes of work, and no more than once an hour. */
export function BreakNote() {
  const { isDue, dismiss } = useBreaks()
  if (!isDue) return null
  return (
    <div className={styles.rest}>
      <Notice tone="info">
        <p>You have worked for 50 minutes. A short break keeps your eye sharp.</p>
        <Button onClick={dismiss}>Not now</Button>
      </Notice>
    </div>
  )
}

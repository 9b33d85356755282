import { Button } from "@/components/button"
import { Notice } from "@/components/notice"
import styles from "./notes.module.css"

/** After 50 minutes of work. */
export function RestNote({ onDismiss }: { onDismiss: () => void }) {
  return (
    <div className={styles.rest}>
      <Notice tone="info">
        <p>You have worked for 50 minutes. A short break keeps your eye sharp.</p>
        <Button onClick={onDismiss}>Not now</Button>
      </Notice>
    </div>
  )
}

/** Says that an earlier image is shown. */
export function ReviewNote({ stepsBack, skipped }: { stepsBack: number; skipped: string | null }) {
  const state = skipped ? `you skipped it: ${skipped}` : "already saved"
  return (
    <p className={styles.review}>
      <strong>{stepsBack} back</strong>, {state}. Changes are saved when you go on; Esc leaves it as
      it was.
    </p>
  )
}

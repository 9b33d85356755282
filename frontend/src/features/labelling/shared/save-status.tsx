import { CloudAlert, CloudCheck, CloudUpload, LockKeyhole, UserLock } from "lucide-react"
import { classNames } from "@/components/class-names"
import { formatPlural } from "@/lib/format"
import type { Kept, OutboxState } from "../loop/outbox"
import styles from "./save-status.module.css"

/** Where the labels are, honestly. */
export function SaveStatus({ outbox }: { outbox: OutboxState<Kept> }) {
  const own = statusOf(outbox)
  const others = othersOf(outbox.others)
  return (
    <span className={styles.statuses} role="status">
      {own && (
        <span className={classNames(styles.status, styles[own.tone])}>
          <own.icon aria-hidden="true" />
          {own.text}
        </span>
      )}
      {others && (
        <span className={classNames(styles.status, styles.warn)} title={others.explanation}>
          <UserLock aria-hidden="true" />
          {others.text}
        </span>
      )}
    </span>
  )
}

/** Whose labels wait on this device besides one's own. */
export function othersOf(others: readonly Kept[]) {
  if (others.length === 0) return null
  const names = [...new Set(others.map((parcel) => parcel.annotator ?? "somebody else"))]
  const labels = formatPlural(others.length, "label waits", "labels wait")
  const text = `${others.length} of ${names.join(", ")}`
  return { text, explanation: `${labels} here until ${names.join(" and ")} sign in again.` }
}

/** Null until it is known whether an earlier page left something behind. */
export function statusOf({ waiting, obstacle, isLoaded, isFragile }: OutboxState<Kept>) {
  const count = waiting.length
  if (count === 0) {
    return isLoaded ? { icon: CloudCheck, text: "Saved", tone: "good" as const } : null
  }
  const kept = isFragile ? ", keep this page open" : ""
  if (obstacle === "signed-out") {
    return { icon: LockKeyhole, text: `Signed out: ${count} waiting${kept}`, tone: "warn" as const }
  }
  if (obstacle === "unreachable") {
    return { icon: CloudAlert, text: `Offline: ${count} waiting${kept}`, tone: "warn" as const }
  }
  return { icon: CloudUpload, text: `${count} waiting${kept}`, tone: "busy" as const }
}

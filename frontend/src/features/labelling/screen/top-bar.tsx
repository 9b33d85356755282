import { ArrowLeft, CloudAlert, CloudCheck, CloudUpload, LockKeyhole, UserLock } from "lucide-react"
import type { ReactNode } from "react"
import type { Project } from "@/api/projects"
import { LinkButton } from "@/components/button"
import { classNames } from "@/components/class-names"
import { formatCount, formatDuration, formatPlural } from "@/lib/format"
import { medianOf } from "@/lib/median"
import type { Kept, OutboxState } from "../loop/outbox"
import type { Streak } from "../loop/streak"
import styles from "./top-bar.module.css"

type TopBarProps = {
  project: Project
  imageName: string | null
  /** Images that still need labels. */
  left: number
  times: readonly number[]
  /** Of this person alone. */
  streak: Streak
  outbox: OutboxState
}

export function TopBar({ project, imageName, left, times, streak, outbox }: TopBarProps) {
  const { images } = project
  const total = images.ready + images.registered
  return (
    <header className={styles.bar}>
      <LinkButton
        to="/projects/$projectId"
        params={{ projectId: project.id }}
        variant="quiet"
        size="icon"
        aria-label={`Leave labelling, to ${project.name}`}
      >
        <ArrowLeft aria-hidden="true" />
      </LinkButton>
      <h1 className={styles.title}>{project.name}</h1>
      {imageName && <span className={styles.image}>{imageName}</span>}
      <span className={styles.spacer} />
      <Fact name="left">{formatCount(left)}</Fact>
      <Fact name="today">{formatCount(streak.images)}</Fact>
      {streak.days > 1 && <Fact name="days in a row">{formatCount(streak.days)}</Fact>}
      <Fact name="per image">{times.length > 0 ? formatDuration(medianOf(times)) : "–"}</Fact>
      <SaveStatus outbox={outbox} />
      <div
        className={styles.progress}
        style={{ "--share": total > 0 ? (total - left) / total : 0 } as React.CSSProperties}
        role="progressbar"
        aria-label="Labelled images"
        aria-valuemin={0}
        aria-valuemax={total}
        aria-valuenow={total - left}
      />
    </header>
  )
}

/** A number of the bar. */
export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <span className={styles.fact}>
      <strong>{children}</strong> {name}
    </span>
  )
}

/** Where the labels are, honestly. */
export function SaveStatus({ outbox }: { outbox: OutboxState<Kept> }) {
  const { icon: Icon, text, tone } = statusOf(outbox)
  const others = othersOf(outbox.others)
  return (
    <span className={styles.statuses} role="status">
      <span className={classNames(styles.status, styles[tone])}>
        <Icon aria-hidden="true" />
        {text}
      </span>
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

export function statusOf({ waiting, obstacle, isFragile }: OutboxState<Kept>) {
  const count = waiting.length
  if (count === 0) return { icon: CloudCheck, text: "Saved", tone: "good" as const }
  const kept = isFragile ? ", keep this page open" : ""
  if (obstacle === "signed-out") {
    return { icon: LockKeyhole, text: `Signed out: ${count} waiting${kept}`, tone: "warn" as const }
  }
  if (obstacle === "unreachable") {
    return { icon: CloudAlert, text: `Offline: ${count} waiting${kept}`, tone: "warn" as const }
  }
  return { icon: CloudUpload, text: `${count} waiting${kept}`, tone: "busy" as const }
}

import { ArrowLeft } from "lucide-react"
import type { Project } from "@/api/projects"
import { progressOf } from "@/api/projects"
import { LinkButton } from "@/components/button"
import { formatCount, formatDuration } from "@/lib/format"
import { medianOf } from "@/lib/median"
import type { OutboxState } from "../loop/outbox"
import type { Streak } from "../loop/streak"
import { Fact } from "../shared/fact"
import { SaveStatus } from "../shared/save-status"
import styles from "./top-bar.module.css"

type TopBarProps = {
  project: Project
  imageName: string | null
  /** Answers that are still wanted, of whomever. */
  left: number
  times: readonly number[]
  /** Of this person alone. */
  streak: Streak
  outbox: OutboxState
}

export function TopBar({ project, imageName, left, times, streak, outbox }: TopBarProps) {
  const { wanted, noun } = progressOf(project)
  const done = wanted - left
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
      <Fact name={noun === "image" ? "left" : "answers left"}>{formatCount(left)}</Fact>
      <Fact name="today">{formatCount(streak.images)}</Fact>
      {streak.days > 1 && <Fact name="days in a row">{formatCount(streak.days)}</Fact>}
      <Fact name="per image">{times.length > 0 ? formatDuration(medianOf(times)) : "–"}</Fact>
      <SaveStatus outbox={outbox} />
      <div
        className={styles.progress}
        style={{ "--share": wanted > 0 ? done / wanted : 0 } as React.CSSProperties}
        role="progressbar"
        aria-label={`${noun}s done`}
        aria-valuemin={0}
        aria-valuemax={wanted}
        aria-valuenow={done}
      />
    </header>
  )
}

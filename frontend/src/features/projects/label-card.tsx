import { LayoutGrid, Tag } from "lucide-react"
import { labels } from "@/api/members"
import type { Project } from "@/api/projects"
import { progressOf } from "@/api/projects"
import { LinkButton } from "@/components/button"
import { Card } from "@/components/layout"
import { formatCount, formatPlural } from "@/lib/format"
import { ASKED } from "@/lib/modes"
import { LabelExport } from "./label-export"
import styles from "./overview.module.css"
import { Progress } from "./progress"

type LabelCardProps = { project: Project; mayImport: boolean }

/** The way into labelling, and how much of it is left. */
export function LabelCard({ project, mayImport }: LabelCardProps) {
  const { total, rejected, registered, leased } = project.images
  const usable = total - rejected
  const { done, left, noun } = progressOf(project)
  const params = { projectId: project.id }
  const mayLabel = labels(project)
  return (
    <Card>
      <div className={styles.start}>
        <div>
          <p className={styles.big}>{usable === 0 ? "No images yet" : headline(left, noun)}</p>
          <p className={styles.hint}>{hintOf({ usable, left, leased, registered })}</p>
        </div>
        <Progress project={project} />
        <div className={styles.buttons}>
          {mayLabel && left > 0 && (
            <LinkButton
              to="/projects/$projectId/label"
              params={params}
              variant="primary"
              size="large"
            >
              <Tag aria-hidden="true" />
              Label images
            </LinkButton>
          )}
          {mayLabel && left === 0 && usable > 0 && (
            <LinkButton to="/projects/$projectId/label" params={params}>
              Look through my labels
            </LinkButton>
          )}
          {mayLabel && usable > 0 && ASKED[project.mode].canBeSwept && (
            <LinkButton to="/projects/$projectId/sweep" params={params} search={{}} variant="quiet">
              <LayoutGrid aria-hidden="true" />
              Sweep a rare category
            </LinkButton>
          )}
          {mayImport && (
            <LinkButton
              to="/projects/$projectId/images/import"
              params={params}
              variant={usable === 0 ? "primary" : "quiet"}
            >
              {usable === 0 ? "Import images" : "Import"}
            </LinkButton>
          )}
          {mayImport && done > 0 && <LabelExport projectId={project.id} />}
        </div>
      </div>
    </Card>
  )
}

const headline = (left: number, noun: string): string =>
  left === 0 ? "All labelled" : `${formatPlural(left, noun)} left`

type Counts = { usable: number; left: number; leased: number; registered: number }

function hintOf({ usable, left, leased, registered }: Counts): string {
  if (usable === 0) return "Labelling begins when there are images."
  if (left === 0) return "Every image has the labels that the project asks for."
  const parts = [
    leased > 0 && `${formatCount(leased)} with somebody right now`,
    registered > 0 && `${formatCount(registered)} not checked yet`,
  ].filter(Boolean)
  return parts.join(", ") || "Nobody else is labelling right now."
}

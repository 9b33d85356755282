import { useQuery } from "@tanstack/react-query"
import { Link } from "@tanstack/react-router"
import { paceQuery } from "@/api/project-settings"
import type { Pace } from "@/api/projects"
import { meQuery } from "@/api/session"
import { Card, Facts } from "@/components/layout"
import { Loaded } from "@/components/states"
import { formatCount, formatDuration, NOTHING } from "@/lib/format"
import styles from "./overview.module.css"

type PaceCardProps = { projectId: number; left: number }

/** One's own work in the project. */
export function PaceCard({ projectId, left }: PaceCardProps) {
  const query = useQuery(paceQuery(projectId))
  const meId = useQuery(meQuery).data?.id
  return (
    <Card title="Your pace">
      <Loaded query={query} height="7rem">
        {(pace) => (
          <>
            <Facts
              facts={[
                ["Today", formatCount(pace.labels_today)],
                ["In all", formatCount(pace.labels)],
                ["Time worked", pace.labels === 0 ? NOTHING : formatDuration(pace.active_ms)],
                ["Usual time per image", usual(pace)],
              ]}
            />
            <p className={styles.hint}>
              {outlook(pace, left)}{" "}
              {meId !== undefined && pace.labels > 0 && (
                <Link
                  to="/projects/$projectId/times"
                  params={{ projectId }}
                  search={{ annotator: `a${meId}` }}
                >
                  Your labels and their times
                </Link>
              )}
            </p>
          </>
        )}
      </Loaded>
    </Card>
  )
}

const usual = ({ median_active_ms }: Pace): string =>
  median_active_ms === null ? NOTHING : formatDuration(median_active_ms)

function outlook({ median_active_ms }: Pace, left: number): string {
  if (median_active_ms === null) return "Your first labels show how fast you are."
  if (left === 0) return "There is nothing left to do."
  return `At this pace the rest takes one person ${formatDuration(median_active_ms * left)}.`
}

import { useQuery } from "@tanstack/react-query"
import { Link } from "@tanstack/react-router"
import { isFinal, type Run, runsQuery } from "@/api/runs"
import { LinkButton } from "@/components/button"
import { Card, Facts } from "@/components/layout"
import { ProgressBar } from "@/components/progress-bar"
import { Sparkline } from "@/components/sparkline"
import { Loaded } from "@/components/states"
import { supervisionLabel } from "@/components/supervision"
import { formatAgo } from "@/lib/dates"
import { formatCount, formatPercent } from "@/lib/format"
import { useNow } from "@/lib/use-now"
import { RunStateBadge } from "./run-state"
import styles from "./runs.module.css"

const SPARK_RUNS = 12

/** The newest run, and how mIoU went over the last ones. */
export function LatestRunCard({ projectId }: { projectId: number }) {
  const query = useQuery(runsQuery(projectId))
  return (
    <Card
      title="Latest run"
      aside={
        <LinkButton to="/projects/$projectId/runs" params={{ projectId }} variant="quiet">
          All runs
        </LinkButton>
      }
    >
      <Loaded query={query} height="9rem">
        {(runs) =>
          runs[0] ? (
            <LatestRun run={runs[0]} runs={runs} />
          ) : (
            <p className={styles.meta}>
              No run yet. A source-only run needs no labels and shows where the model starts.
            </p>
          )
        }
      </Loaded>
    </Card>
  )
}

function LatestRun({ run, runs }: { run: Run; runs: readonly Run[] }) {
  const now = useNow(!isFinal(run))
  const scores = runs
    .flatMap(({ miou, state }) => (miou === null || state !== "succeeded" ? [] : [miou]))
    .slice(0, SPARK_RUNS)
    .toReversed()
  return (
    <>
      <div className={styles.latest}>
        <span className={styles.state}>
          <Link
            to="/projects/$projectId/runs/$runId"
            params={{ projectId: run.project_id, runId: run.id }}
            className={styles.link}
          >
            Run {run.id}
          </Link>
          <RunStateBadge run={run} />
        </span>
        <Sparkline values={scores} label={`mIoU of the last ${scores.length} runs`} />
      </div>
      {!isFinal(run) && (
        <ProgressBar
          label="Progress of the run"
          value={run.step}
          max={run.steps}
          left={`Step ${formatCount(run.step)} of ${formatCount(run.steps)}`}
        />
      )}
      <Facts
        facts={[
          ["mIoU", formatPercent(run.miou)],
          ["Supervision", supervisionLabel(run.supervision)],
          ["Labels", run.snapshot ? formatCount(run.snapshot.labels) : "none used"],
          ["Started", formatAgo(run.created_at, now)],
        ]}
      />
    </>
  )
}

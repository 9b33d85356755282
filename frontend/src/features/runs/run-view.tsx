import { useSuspenseQuery } from "@tanstack/react-query"
import { Link } from "@tanstack/react-router"
import { leads } from "@/api/members"
import type { Project } from "@/api/projects"
import { isFinal, type RunDetail, runQuery } from "@/api/runs"
import { Gain } from "@/components/gain"
import { Card, Facts } from "@/components/layout"
import { Notice } from "@/components/notice"
import { Skeleton } from "@/components/states"
import { supervisionLabel } from "@/components/supervision"
import { formatMoment } from "@/lib/dates"
import { formatCount, formatHours, formatPercent, NOTHING } from "@/lib/format"
import { useNow } from "@/lib/use-now"
import { CategoryScores } from "./category-scores"
import { Checkpoints } from "./checkpoints"
import { LossCharts } from "./loss-charts"
import { RunConfig } from "./run-config"
import { RunHeading } from "./run-heading"
import type { RunProgress } from "./run-progress"
import { RunProgressBar } from "./run-progress-bar"
import { durationOf } from "./run-state"
import styles from "./runs.module.css"
import { ScoreChart } from "./score-chart"
import { useRunProgress } from "./use-run-progress"

type RunViewProps = { project: Project; runId: number }

export function RunView({ project, runId }: RunViewProps) {
  const { data: run } = useSuspenseQuery(runQuery(runId))
  const { progress, isLoading, follow } = useRunProgress(runId)
  const scores = scoresOf(run, progress)
  return (
    <>
      <RunHeading run={run} projectId={project.id} onResumed={follow} />
      {run.error && <Notice tone="bad">{run.error}</Notice>}
      {(run.report?.notes ?? progress.notes).map((note) => (
        <Notice key={note} tone="info">
          {note}
        </Notice>
      ))}
      {!isFinal(run) && <RunProgressBar run={run} progress={progress} />}
      <RunFacts run={run} scores={scores} device={progress.device} mayTrace={leads(project)} />
      {isLoading ? (
        <Skeleton height="20rem" />
      ) : (
        <>
          <div className={styles.two}>
            <ScoreChart
              evaluations={progress.evaluations}
              sourceOnly={scores.sourceOnlyMiou}
              steps={Math.max(progress.steps, run.steps)}
            />
            <CategoryScores
              categories={project.categories}
              iou={scores.iou}
              sourceOnly={scores.sourceOnlyIou}
            />
          </div>
          <LossCharts progress={progress} />
        </>
      )}
      <Checkpoints
        mayDownload={leads(project)}
        runId={runId}
        selection={run.report?.selection ?? null}
        isDone={isFinal(run)}
      />
      <RunConfig run={run} />
    </>
  )
}

/** The report's scores once there is one, the newest evaluations' until then. */
function scoresOf({ report, miou, baseline }: RunDetail, { evaluations }: RunProgress) {
  const warmUp = evaluations.findLast(({ phase }) => phase === "warm-up")
  return {
    miou: miou ?? evaluations.at(-1)?.miou ?? null,
    iou: report?.score.iou ?? evaluations.at(-1)?.iou ?? {},
    warmUpMiou: report?.source_only?.miou ?? warmUp?.miou ?? null,
    sourceOnlyIou: baseline?.iou ?? {},
    sourceOnlyMiou: baseline?.miou ?? null,
  }
}

type RunFactsProps = {
  run: RunDetail
  scores: ReturnType<typeof scoresOf>
  device: string | null
  mayTrace: boolean
}

type LabelsProps = { run: RunDetail; mayTrace: boolean }

function Labels({ run: { snapshot, project_id: projectId }, mayTrace }: LabelsProps) {
  if (!snapshot) return "none used"
  const count = formatCount(snapshot.labels)
  if (!mayTrace) return count
  return (
    <Link
      to="/projects/$projectId/times"
      params={{ projectId }}
      search={{ snapshot: snapshot.id }}
      title="The labels of the snapshot, and their times"
    >
      {count}
    </Link>
  )
}

function RunFacts({ run, scores, device, mayTrace }: RunFactsProps) {
  const now = useNow(!isFinal(run))
  const hours = run.snapshot && run.snapshot.active_ms / 3_600_000
  return (
    <Card>
      <Facts
        facts={[
          [isFinal(run) ? "mIoU" : "mIoU so far", formatPercent(scores.miou)],
          ["At the end of the warm-up", formatPercent(scores.warmUpMiou)],
          ["Source only", formatPercent(scores.sourceOnlyMiou)],
          ["Gain", <Gain key="gain" from={scores.sourceOnlyMiou} to={scores.miou} />],
          ["Supervision", supervisionLabel(run.supervision)],
          ["Labels", <Labels key="labels" run={run} mayTrace={mayTrace} />],
          ["Labelling time", hours === null ? NOTHING : formatHours(hours)],
          ["Duration", durationOf(run, now)],
          ["Started", formatMoment(run.started_at)],
          ["Device", run.report?.device ?? device ?? run.worker ?? NOTHING],
          [
            "Chosen checkpoint",
            run.report ? `step ${formatCount(run.report.selected_step)}` : NOTHING,
          ],
        ]}
      />
      {run.supervision !== "source-only" && run.baseline === null && (
        <p className={styles.meta}>
          No gain is shown: it is counted from a source-only run of the same recipe and data. Start
          one, with supervision "source only", to have it.
        </p>
      )}
    </Card>
  )
}

import { Link } from "@tanstack/react-router"
import { isFinal, type Run } from "@/api/runs"
import { supervisionLabel } from "@/components/supervision"
import { type Column, Table } from "@/components/table"
import { formatAgo } from "@/lib/dates"
import { formatCount, formatPercent, NOTHING } from "@/lib/format"
import { useNow } from "@/lib/use-now"
import { durationOf, RunStateBadge } from "./run-state"
import styles from "./runs.module.css"

type RunTableProps = { projectId: number; runs: readonly Run[] }

export function RunTable({ projectId, runs }: RunTableProps) {
  const now = useNow(!runs.every(isFinal))
  return (
    <Table label="Runs" rows={runs} keyOf={(run) => run.id} columns={columnsOf(projectId, now)} />
  )
}

const columnsOf = (projectId: number, now: number): Column<Run>[] => [
  {
    key: "run",
    title: "Run",
    cell: (run) => (
      <Link
        to="/projects/$projectId/runs/$runId"
        params={{ projectId, runId: run.id }}
        className={styles.link}
      >
        Run {run.id}
      </Link>
    ),
  },
  { key: "state", title: "State", cell: (run) => <StateCell run={run} /> },
  { key: "supervision", title: "Supervision", cell: (run) => supervisionLabel(run.supervision) },
  { key: "miou", title: "mIoU", kind: "number", cell: (run) => formatPercent(run.miou) },
  {
    key: "labels",
    title: "Labels",
    kind: "number",
    cell: ({ snapshot }) => (snapshot ? formatCount(snapshot.labels) : NOTHING),
  },
  { key: "duration", title: "Duration", kind: "number", cell: (run) => durationOf(run, now) },
  { key: "recipe", title: "Recipe", isMinor: true, cell: (run) => <code>{run.recipe}</code> },
  { key: "by", title: "Started", cell: (run) => <StartCell run={run} now={now} /> },
]

function StateCell({ run }: { run: Run }) {
  const share = run.state === "running" && run.steps > 0 && Math.floor((run.step / run.steps) * 100)
  return (
    <span className={styles.state}>
      <RunStateBadge run={run} />
      {share !== false && <span>{share} %</span>}
    </span>
  )
}

function StartCell({ run, now }: { run: Run; now: number }) {
  return (
    <span className={styles.start}>
      {formatAgo(run.created_at, now)}
      <span className={styles.meta}>{run.automatic ? "by itself" : (run.created_by ?? "")}</span>
    </span>
  )
}

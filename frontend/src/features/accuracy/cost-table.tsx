import { Link } from "@tanstack/react-router"
import { type ReactNode, useState } from "react"
import type { CostPoint } from "@/api/runs"
import { Button } from "@/components/button"
import { Gain } from "@/components/gain"
import { supervisionLabel } from "@/components/supervision"
import { type Column, Table } from "@/components/table"
import { formatDay } from "@/lib/dates"
import { formatCount, formatHours, formatPercent, NOTHING } from "@/lib/format"
import styles from "./accuracy.module.css"
import { SymbolMark } from "./symbols"

/** Rows that are shown without being asked for. */
const MOST_AT_FIRST = 60

type CostTableProps = {
  projectId: number
  /** Whether figures lead to the labels that they are of, which not everybody may see. */
  mayTrace: boolean
  points: readonly CostPoint[]
  /** Kinds of labels that time is told apart by. */
  kinds: readonly string[]
}

/** The chart's runs in figures. */
export function CostTable({ projectId, mayTrace, points, kinds }: CostTableProps) {
  const [showsAll, setShowsAll] = useState(false)
  const isLong = points.length > MOST_AT_FIRST && !showsAll
  return (
    <>
      <Table
        label="Finished runs by labelling time"
        rows={isLong ? points.slice(0, MOST_AT_FIRST) : points}
        keyOf={(point) => point.run_id}
        columns={columnsOf(projectId, mayTrace, usedKinds(points, kinds))}
      />
      {isLong && (
        <Button onClick={() => setShowsAll(true)}>
          Show all {formatCount(points.length)} runs
        </Button>
      )}
    </>
  )
}

const usedKinds = (points: readonly CostPoint[], kinds: readonly string[]) =>
  kinds.filter((kind) => points.some(({ hours_by_kind: hours }) => (hours?.[kind] ?? 0) > 0))

const hoursOf = (point: CostPoint, kind: string): string =>
  point.hours_by_kind ? formatHours(point.hours_by_kind[kind] ?? 0) : NOTHING

type RunLinkProps = { projectId: number; runId: number | null; children: ReactNode }

function RunLink({ projectId, runId, children }: RunLinkProps) {
  if (runId === null) return children
  return (
    <Link
      to="/projects/$projectId/runs/$runId"
      params={{ projectId, runId }}
      className={styles.link}
    >
      {children}
    </Link>
  )
}

type TracedProps = { projectId: number; mayTrace: boolean; point: CostPoint; text: string }

/** A figure of a run's labels, which leads to them. */
function Traced({ projectId, mayTrace, point, text }: TracedProps) {
  if (!mayTrace || point.snapshot_id === null || point.labels === 0) return text
  return (
    <Link
      to="/projects/$projectId/times"
      params={{ projectId }}
      search={{ snapshot: point.snapshot_id }}
      className={styles.link}
    >
      {text}
    </Link>
  )
}

const columnsOf = (
  projectId: number,
  mayTrace: boolean,
  kinds: readonly string[],
): Column<CostPoint>[] => [
  {
    key: "run",
    title: "Run",
    cell: ({ run_id: runId }) => <RunLink {...{ projectId, runId }}>Run {runId}</RunLink>,
  },
  {
    key: "supervision",
    title: "Supervision",
    cell: ({ supervision }) => (
      <span className={styles.supervision}>
        <SymbolMark supervision={supervision} />
        {supervisionLabel(supervision)}
      </span>
    ),
  },
  number("hours", "Active time", (point) => (
    <Traced {...{ projectId, mayTrace, point }} text={formatHours(point.active_hours)} />
  )),
  ...kinds.map((kind) => ({
    ...number(`hours ${kind}`, `of it ${kind}`, (point) => hoursOf(point, kind)),
    isMinor: true,
  })),
  number("labels", "Labels", (point) => (
    <Traced {...{ projectId, mayTrace, point }} text={formatCount(point.labels)} />
  )),
  { ...number("points", "Points", (point) => formatCount(point.points)), isMinor: true },
  {
    ...number("answers", "Answers", ({ answers }) =>
      answers === null ? NOTHING : formatCount(answers),
    ),
    isMinor: true,
  },
  number("miou", "mIoU", (point) => formatPercent(point.miou)),
  {
    ...number("interval", "80 %", ({ intervals: { miou } }) =>
      miou ? `${formatPercent(miou.low)} to ${formatPercent(miou.high)}` : NOTHING,
    ),
    isMinor: true,
  },
  {
    ...number("before", "Source only", (point) => (
      <RunLink {...{ projectId }} runId={point.baseline_run_id}>
        {formatPercent(point.baseline_miou)}
      </RunLink>
    )),
    isMinor: true,
  },
  {
    key: "gain",
    title: "Gain",
    kind: "number",
    cell: ({ baseline_miou, miou }) => <Gain from={baseline_miou} to={miou} />,
  },
  number("weak", "Weak-label score", (point) => formatPercent(point.weak_label_score)),
  number("f1", "Presence F1", (point) => formatPercent(point.presence_f1)),
  number("accuracy", "Point accuracy", (point) => formatPercent(point.point_accuracy)),
  { key: "finished", title: "Finished", cell: (point) => formatDay(point.finished_at) },
]

function number(
  key: string,
  title: string,
  cell: (point: CostPoint) => ReactNode,
): Column<CostPoint> {
  return { key, title, cell, kind: "number" }
}

import { Link } from "@tanstack/react-router"
import type { CostPoint } from "@/api/runs"
import { Gain } from "@/components/gain"
import { supervisionLabel } from "@/components/supervision"
import { type Column, Table } from "@/components/table"
import { formatDay } from "@/lib/dates"
import { formatCount, formatHours, formatPercent } from "@/lib/format"
import styles from "./accuracy.module.css"
import { SymbolMark } from "./symbols"

type CostTableProps = { projectId: number; points: readonly CostPoint[] }

/** The chart's runs in figures. */
export function CostTable({ projectId, points }: CostTableProps) {
  return (
    <Table
      label="Finished runs by labelling time"
      rows={points}
      keyOf={(point) => point.run_id}
      columns={columnsOf(projectId)}
    />
  )
}

const columnsOf = (projectId: number): Column<CostPoint>[] => [
  {
    key: "run",
    title: "Run",
    cell: (point) => (
      <Link
        to="/projects/$projectId/runs/$runId"
        params={{ projectId, runId: point.run_id }}
        className={styles.link}
      >
        Run {point.run_id}
      </Link>
    ),
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
  number("hours", "Active time", (point) => formatHours(point.active_hours)),
  number("labels", "Labels", (point) => formatCount(point.labels)),
  { ...number("points", "Points", (point) => formatCount(point.points)), isMinor: true },
  number("miou", "mIoU", (point) => formatPercent(point.miou)),
  {
    ...number("before", "Source only", (point) => formatPercent(point.baseline_miou)),
    isMinor: true,
  },
  {
    key: "gain",
    title: "Gain",
    kind: "number",
    cell: ({ baseline_miou, miou }) => <Gain from={baseline_miou} to={miou} />,
  },
  number("f1", "Presence F1", (point) => formatPercent(point.presence_f1)),
  number("accuracy", "Point accuracy", (point) => formatPercent(point.point_accuracy)),
  { key: "finished", title: "Finished", cell: (point) => formatDay(point.finished_at) },
]

function number(key: string, title: string, cell: (point: CostPoint) => string): Column<CostPoint> {
  return { key, title, cell, kind: "number" }
}

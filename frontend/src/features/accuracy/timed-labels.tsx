import { useInfiniteQuery } from "@tanstack/react-query"
import { Link } from "@tanstack/react-router"
import { Timer } from "lucide-react"
import {
  type SnapshotLine,
  snapshotLinesQuery,
  type TimedLabel,
  type TimeFigure,
  timedLabelsQuery,
} from "@/api/people"
import { Button, LinkButton } from "@/components/button"
import { Card } from "@/components/layout"
import { EmptyState, Loaded } from "@/components/states"
import { type Column, Table } from "@/components/table"
import { formatMoment } from "@/lib/dates"
import { formatDuration } from "@/lib/format"
import styles from "./trail.module.css"

type LabelsProps = { projectId: number; figure: TimeFigure }

/** The labels that a figure counts, each with the way to its events. */
export function TimedLabels({ projectId, figure }: LabelsProps) {
  const query = useInfiniteQuery(timedLabelsQuery(projectId, figure))
  return (
    <Loaded query={query} height="16rem">
      {({ pages }) =>
        pages[0]?.items.length ? (
          <Card>
            <Table
              bare
              stacks
              label="Labels and their times"
              rows={pages.flatMap(({ items }) => items)}
              keyOf={({ id }) => id}
              columns={labelColumns(projectId)}
            />
            <More query={query} />
          </Card>
        ) : (
          <NoLabels projectId={projectId} figure={figure} />
        )
      }
    </Loaded>
  )
}

function NoLabels({ projectId, figure }: LabelsProps) {
  const params = { projectId }
  const { by = "all", annotator } = figure
  if (by !== "all" || annotator !== undefined) {
    return (
      <EmptyState
        icon={Timer}
        title="This figure counts no label"
        actions={
          <LinkButton to="/projects/$projectId/times" params={params} search={{}}>
            All labels
          </LinkButton>
        }
      >
        What it counted may have been deleted since, or was labelled anew.
      </EmptyState>
    )
  }
  return (
    <EmptyState
      icon={Timer}
      title="No label yet"
      actions={
        <LinkButton to="/projects/$projectId/label" params={params} variant="primary">
          Label images
        </LinkButton>
      }
    >
      Each label that somebody saves is listed here with the time that it took, and leads to what
      was done in that time.
    </EmptyState>
  )
}

const labelColumns = (projectId: number): Column<TimedLabel>[] => [
  {
    key: "label",
    title: "Label",
    cell: ({ id }) => <LabelLink projectId={projectId} labelId={id} text={`Label ${id}`} />,
  },
  { key: "image", title: "Image", kind: "long", cell: ({ image }) => image },
  { key: "by", title: "By", cell: ({ annotator }) => annotator },
  { key: "kind", title: "Kind", cell: ({ kind }) => kind },
  { key: "start", title: "Form", cell: ({ start }) => start, isMinor: true },
  {
    key: "active",
    title: "Active time",
    kind: "number",
    cell: ({ active_ms }) => formatDuration(active_ms),
  },
  { key: "answers", title: "Answers", kind: "number", cell: ({ answers }) => answers },
  { key: "saved", title: "Saved", cell: ({ created_at }) => formatMoment(created_at) },
]

type LinesProps = { projectId: number; snapshotId: number }

/** The lines of a snapshot, each with the labels whose time it has. */
export function SnapshotLines({ projectId, snapshotId }: LinesProps) {
  const query = useInfiniteQuery(snapshotLinesQuery(snapshotId))
  return (
    <Loaded query={query} height="16rem">
      {({ pages }) => (
        <Card>
          <Table
            bare
            label="Labels of the snapshot and their times"
            empty="No label is in this snapshot: it was made before the first one was saved."
            rows={pages.flatMap(({ items }) => items)}
            keyOf={({ image, annotator }) => `${image} ${annotator}`}
            columns={lineColumns(projectId)}
          />
          <More query={query} />
        </Card>
      )}
    </Loaded>
  )
}

const lineColumns = (projectId: number): Column<SnapshotLine>[] => [
  { key: "image", title: "Image", kind: "long", cell: ({ image }) => image },
  { key: "by", title: "By", cell: ({ annotator }) => annotator },
  { key: "active", title: "Active time", kind: "number", cell: timeOf },
  {
    key: "labels",
    title: "Labels that it is of",
    cell: ({ parts }) => (
      <span className={styles.parts}>
        {parts.length === 0 && "deleted since"}
        {parts.map((part) => (
          <LabelLink
            key={part.label_id}
            projectId={projectId}
            labelId={part.label_id}
            text={`${part.kind}, ${formatDuration(part.active_ms)}`}
          />
        ))}
      </span>
    ),
  },
]

/** Of labels that are deleted, what the file says. */
const timeOf = ({ parts, file_active_ms: inFile }: SnapshotLine): string =>
  formatDuration(
    parts.length === 0 ? inFile : parts.reduce((sum, { active_ms }) => sum + active_ms, 0),
  )

type LabelLinkProps = { projectId: number; labelId: number; text: string }

const LabelLink = ({ projectId, labelId, text }: LabelLinkProps) => (
  <Link
    to="/projects/$projectId/times"
    params={{ projectId }}
    search={{ label: labelId }}
    className={styles.link}
  >
    {text}
  </Link>
)

type Endless = { hasNextPage: boolean; isFetchingNextPage: boolean; fetchNextPage: () => unknown }

function More({ query }: { query: Endless }) {
  if (!query.hasNextPage) return null
  return (
    <div>
      <Button onClick={() => query.fetchNextPage()} isPending={query.isFetchingNextPage}>
        Show more
      </Button>
    </div>
  )
}

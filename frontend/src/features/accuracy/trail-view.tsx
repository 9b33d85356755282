import { useQuery } from "@tanstack/react-query"
import { Link } from "@tanstack/react-router"
import { type LabelTrail, labelTrailQuery } from "@/api/people"
import { Card, Facts } from "@/components/layout"
import { Loaded } from "@/components/states"
import { Table } from "@/components/table"
import { formatMoment } from "@/lib/dates"
import { formatDuration, NOTHING } from "@/lib/format"
import { type Stretch, stretchesOf, totalOf } from "./trail"
import styles from "./trail.module.css"

const KINDS = [
  ["active", "Active"],
  ["idle", "Idle"],
  ["hidden", "Tab hidden"],
  ["waiting", "Waiting for the server"],
] as const satisfies readonly (readonly [Stretch["kind"], string])[]

const EVENTS: Record<string, string> = {
  input: "Key or pointer",
  hidden: "Tab hidden",
  visible: "Tab shown again",
  "wait-start": "Waiting for the server",
  "wait-end": "Goes on",
}

/** How the time of one label came about. */
export function TrailView({ projectId, labelId }: { projectId: number; labelId: number }) {
  const query = useQuery(labelTrailQuery(projectId, labelId))
  return (
    <Loaded query={query} height="16rem">
      {(trail) => <Trail projectId={projectId} trail={trail} />}
    </Loaded>
  )
}

function Trail({ projectId, trail }: { projectId: number; trail: LabelTrail }) {
  const { label } = trail
  return (
    <>
      <Card>
        <Facts
          facts={[
            [
              "Image",
              <Link
                key="image"
                to="/projects/$projectId/images/$imageId"
                params={{ projectId, imageId: label.image_id }}
                className={styles.link}
              >
                {label.image}
              </Link>,
            ],
            ["By", label.annotator],
            ["Counted as", label.kind],
            ["Revision", String(label.revision)],
            ["Active time", formatDuration(label.active_ms)],
            ["Wall time", formatDuration(label.wall_ms)],
            ["Saved", formatMoment(label.created_at)],
          ]}
        />
      </Card>
      <Clock trail={trail} />
    </>
  )
}

function Clock({ trail }: { trail: LabelTrail }) {
  const { events, wall_ms: wall, idle_after_s: idle, shared_by: count } = trail
  if (wall === null || (events.length === 0 && trail.label.active_ms === 0)) {
    return (
      <Card title="Events">
        <p>
          Nothing was sent of the time of this label. It stays as it is, whatever counts as idle.
        </p>
      </Card>
    )
  }
  const stretches = stretchesOf(events, wall, idle * 1000)
  return (
    <Card title={count > 1 ? `Events of a page of ${count} images` : "Events"}>
      <Bar stretches={stretches} events={events} wall={wall} />
      <ul className={styles.legend}>
        {KINDS.map(([kind, name]) => (
          <li key={kind}>
            <span className={styles.swatch} data-kind={kind} aria-hidden="true" />
            {name}: {formatDuration(totalOf(stretches, kind))}
          </li>
        ))}
      </ul>
      <p className={styles.note}>
        Of a pause without key or pointer, {idle} s count as active at most.
        {count > 1 && ` Each of the ${count} images has an equal part of the time.`}
      </p>
      <Table
        bare
        label="Events"
        rows={[
          { at: 0, name: "Image on the screen" },
          ...events.map(({ at, kind }) => ({ at, name: EVENTS[kind] ?? kind })),
          { at: wall, name: "Saved" },
        ].map((event, index) => ({ ...event, index }))}
        keyOf={({ index }) => index}
        columns={[
          { key: "what", title: "What", cell: ({ name }) => name },
          {
            key: "at",
            title: "After",
            kind: "number",
            cell: ({ at }) => (at === 0 ? NOTHING : formatDuration(at)),
          },
        ]}
      />
    </Card>
  )
}

type BarProps = { stretches: readonly Stretch[]; events: LabelTrail["events"]; wall: number }

/** The clock from painting to submit; the table below has all of it. */
function Bar({ stretches, events, wall }: BarProps) {
  const inputs = events.filter(({ kind }) => kind === "input")
  return (
    <svg
      className={styles.bar}
      viewBox={`0 0 ${Math.max(wall, 1)} 40`}
      preserveAspectRatio="none"
      role="img"
      aria-label={`${formatDuration(wall)} on the clock. The table below has all events.`}
    >
      {stretches.map(({ from, to, kind }) => (
        <rect key={from} data-kind={kind} x={from} y="6" width={to - from} height="28" />
      ))}
      {inputs.map(({ at }, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: several can be at one moment
        <line key={index} x1={at} x2={at} y1="0" y2="40" />
      ))}
    </svg>
  )
}

import type { Label } from "@/api/images"
import type { Category } from "@/api/projects"
import { Badge, CategoryName } from "@/components/badge"
import { Button } from "@/components/button"
import { formatMoment } from "@/lib/dates"
import { formatDuration, formatPlural } from "@/lib/format"
import { type Revision, revisionOf } from "@/lib/labels"
import styles from "./image-view.module.css"

type LabelHistoryProps = {
  history: readonly Label[]
  categories: readonly Category[]
  shownId: number | undefined
  onShow: (id: number) => void
  /** How to have earlier revisions; null when these are all. */
  more: { show: () => unknown; isPending: boolean } | null
}

/** Every revision, newest first; choosing one draws what it says on the picture. */
export function LabelHistory({ history, categories, shownId, onShow, more }: LabelHistoryProps) {
  if (history.length === 0) return <p className={styles.meta}>Nobody has labelled this image.</p>
  return (
    <>
      <ul className={styles.history}>
        {history.map((label) => (
          <li key={label.id}>
            <button
              type="button"
              className={styles.label}
              aria-pressed={label.id === shownId}
              onClick={() => onShow(label.id)}
            >
              <span className={styles.who}>
                <strong>{label.annotator}</strong>
                <span className={styles.meta}>{formatMoment(label.created_at)}</span>
              </span>
              <LabelContent label={label} categories={categories} />
              <RevisionText revision={revisionOf(label, history)} />
              <span className={styles.meta}>{circumstances(label)}</span>
            </button>
          </li>
        ))}
      </ul>
      {more && (
        <div className={styles.actions}>
          <Button onClick={more.show} isPending={more.isPending}>
            Show earlier
          </Button>
        </div>
      )}
    </>
  )
}

/** How a label came about, in one line. */
function circumstances(label: Label): string {
  const parts = [
    `${formatDuration(label.active_ms)} of work`,
    label.revision > 1 && `revision ${label.revision}`,
    label.resolves && "a reviewer's decision",
    label.blind && "blind",
    label.partial && "from sweeps, other categories not asked",
    startOf(label.prefilled_by),
    label.imported && originOf(label.imported),
  ]
  return parts.filter(Boolean).join(", ")
}

function originOf({ by, created_at, file_name, sha256 }: NonNullable<Label["imported"]>): string {
  const file = file_name || `a file (sha256 ${sha256.slice(0, 12)}…)`
  return `imported by ${by ?? "a command on the server"} from ${file}, ${formatMoment(created_at)}`
}

function startOf(prefilledBy: string | null): string | null {
  if (prefilledBy === null) return null
  return prefilledBy === "priors"
    ? "started from what is common"
    : `started from what run ${prefilledBy} expected`
}

function RevisionText({ revision }: { revision: Revision | null }) {
  if (!revision) return null
  const { added, removed } = revision
  const parts = [
    added.length > 0 && `added ${added.join(", ")}`,
    removed.length > 0 && `took out ${removed.join(", ")}`,
  ].filter(Boolean)
  return <span className={styles.meta}>Changed: {parts.join("; ") || "no category"}</span>
}

/** Of an image that was only swept, absent is what was asked. */
const absentText = ({ absent }: Label): string =>
  absent.length > 0 ? `Absent: ${absent.join(", ")}` : "Nothing known"

type LabelContentProps = { label: Label; categories: readonly Category[] }

function LabelContent({ label, categories }: LabelContentProps) {
  if (label.skipped) {
    return (
      <span>
        <Badge tone="warn">Skipped: {label.skipped}</Badge>
      </span>
    )
  }
  const present = categories.filter(({ name }) => label.present.includes(name))
  return (
    <>
      <span className={styles.names}>
        {present.length === 0 && (label.partial ? absentText(label) : "Nothing present")}
        {present.map(({ id, name, color }) => (
          <CategoryName key={id} name={name} color={color} />
        ))}
      </span>
      {label.unsure.length > 0 && (
        <span className={styles.meta}>Unsure: {label.unsure.join(", ")}</span>
      )}
      {label.points.length > 0 && (
        <span className={styles.meta}>{formatPlural(label.points.length, "point")} clicked</span>
      )}
    </>
  )
}

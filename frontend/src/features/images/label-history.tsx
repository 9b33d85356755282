import type { Label } from "@/api/images"
import type { Category } from "@/api/projects"
import { Badge, CategoryName } from "@/components/badge"
import { formatDuration, formatMoment, formatPlural } from "@/lib/format"
import styles from "./image-view.module.css"

type LabelHistoryProps = {
  history: readonly Label[]
  categories: readonly Category[]
  shownId: number | undefined
  onShow: (id: number) => void
}

/** Every revision, newest first; choosing one draws its points on the picture. */
export function LabelHistory({ history, categories, shownId, onShow }: LabelHistoryProps) {
  if (history.length === 0) return <p className={styles.meta}>Nobody has labelled this image.</p>
  return (
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
            <span className={styles.meta}>
              {formatDuration(label.active_ms)} of work
              {label.revision > 1 && `, revision ${label.revision}`}
              {label.prefilled_by && ", started from a prediction"}
            </span>
          </button>
        </li>
      ))}
    </ul>
  )
}

type LabelContentProps = { label: Label; categories: readonly Category[] }

function LabelContent({ label, categories }: LabelContentProps) {
  if (label.skipped) return <Badge tone="warn">Skipped: {label.skipped}</Badge>
  const present = categories.filter(({ name }) => label.present.includes(name))
  return (
    <>
      <span className={styles.names}>
        {present.length === 0 && "Nothing present"}
        {present.map(({ id, name, color }) => (
          <CategoryName key={id} name={name} color={color} />
        ))}
      </span>
      {label.points.length > 0 && (
        <span className={styles.meta}>{formatPlural(label.points.length, "point")} clicked</span>
      )}
    </>
  )
}

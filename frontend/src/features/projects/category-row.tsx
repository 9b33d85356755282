import { GripVertical, X } from "lucide-react"
import type { HTMLAttributes } from "react"
import { Button } from "@/components/button"
import { folded } from "@/lib/keys"
import type { CategoryDraft } from "./category-draft"
import styles from "./category-editor.module.css"

type CategoryRowProps = {
  draft: CategoryDraft
  /** Which one it is, and of how many. */
  place: readonly [number, number]
  problems: { name: string | null; key: string | null }
  isDragged: boolean
  handle: HTMLAttributes<HTMLButtonElement>
  onChange: (draft: CategoryDraft) => void
  onRemove: () => void
}

export function CategoryRow(props: CategoryRowProps) {
  const { draft, place, problems, isDragged, handle, onChange, onRemove } = props
  const [number, count] = place
  const problem = problems.key ?? problems.name
  const problemId = `category-problem-${draft.id}`
  const invalid = (text: string | null) => ({
    "aria-invalid": text !== null,
    "aria-describedby": text === null ? undefined : problemId,
  })
  return (
    <li className={styles.row} data-dragged={isDragged || undefined}>
      <Button
        {...handle}
        variant="quiet"
        size="icon"
        className={styles.handle ?? ""}
        aria-label={`Move category ${draft.name}, ${number} of ${count}`}
        title="Drag, or press an arrow key"
      >
        <GripVertical />
      </Button>
      <input
        type="color"
        className={styles.color}
        aria-label={`Colour of category ${number}`}
        value={draft.color}
        onChange={(event) => onChange({ ...draft, color: event.target.value })}
      />
      <input
        className={styles.text}
        aria-label={`Name of category ${number}`}
        {...invalid(problems.name)}
        maxLength={100}
        value={draft.name}
        onChange={(event) => onChange({ ...draft, name: event.target.value })}
      />
      <input
        className={`${styles.text} ${styles.key}`}
        aria-label={`Key of category ${number}`}
        {...invalid(problems.key)}
        maxLength={2}
        placeholder="auto"
        autoComplete="off"
        value={draft.key}
        onFocus={(event) => event.target.select()}
        onChange={(event) => onChange({ ...draft, key: folded(event.target.value) })}
      />
      <Button
        variant="quiet"
        size="icon"
        aria-label={`Remove category ${number} ${draft.name}`}
        onClick={onRemove}
      >
        <X />
      </Button>
      {problem && (
        <p id={problemId} className={styles.problem}>
          {problem}
        </p>
      )}
    </li>
  )
}

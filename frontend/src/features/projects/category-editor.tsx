import { Plus, Undo2 } from "lucide-react"
import { useRef } from "react"
import type { Category } from "@/api/projects"
import { Button } from "@/components/button"
import { FormSection } from "@/components/layout"
import { Notice } from "@/components/notice"
import {
  addCategory,
  addNames,
  type CategoryDraft,
  draftCategories,
  keyProblem,
  MAX_CATEGORIES,
  moved,
  nameProblem,
  putBack,
  takenOut,
} from "./category-draft"
import styles from "./category-editor.module.css"
import { CategoryRow } from "./category-row"
import { PRESETS } from "./presets"
import { useReorder } from "./use-reorder"

export type Preset = { name: string; categories: readonly string[] }

type CategoryEditorProps = {
  drafts: readonly CategoryDraft[]
  onChange: (drafts: CategoryDraft[]) => void
  /** What the project has already; empty for a new project. */
  stored?: readonly Category[]
  /** Offered besides the usual street datasets. */
  presets?: readonly Preset[]
  /** Say what is missing, too; only after the first attempt to save. */
  showProblems: boolean
  error: string | undefined
}

export function CategoryEditor(props: CategoryEditorProps) {
  const { drafts, onChange, stored = [], presets = [], showProblems, error } = props
  const isNew = stored.length === 0
  const fill = (names: readonly string[]) =>
    onChange((isNew ? draftCategories(names) : addNames(drafts, names)).slice(0, MAX_CATEGORIES))
  return (
    <FormSection
      title="Categories"
      hint="What people look for. Names must match the source domain's categories; the colour is drawn in masks, the key ticks the category."
    >
      <p className={styles.hint}>
        {isNew
          ? `Start from a known set, or add your own, up to ${MAX_CATEGORIES}.`
          : "Add what is missing of a known set, or your own."}
      </p>
      <div className={styles.presets}>
        {[...presets, ...PRESETS].map((preset) => (
          <Button key={preset.name} onClick={() => fill(preset.categories)}>
            {preset.name}
          </Button>
        ))}
      </div>
      {error && <Notice tone="bad">{error}</Notice>}
      {drafts.length > 0 && (
        <CategoryRows drafts={drafts} onChange={onChange} showProblems={showProblems} />
      )}
      <div>
        <Button
          onClick={() => onChange(addCategory(drafts))}
          disabled={drafts.length >= MAX_CATEGORIES}
        >
          <Plus aria-hidden="true" />
          Add category
        </Button>
      </div>
      <TakenOut drafts={drafts} stored={stored} onChange={onChange} />
    </FormSection>
  )
}

type CategoryRowsProps = Pick<CategoryEditorProps, "drafts" | "onChange" | "showProblems">

function CategoryRows({ drafts, onChange, showProblems }: CategoryRowsProps) {
  const list = useRef<HTMLUListElement>(null)
  const { dragged, handleAt } = useReorder(list, (from, to) => onChange(moved(drafts, from, to)))
  const replace = (changed: CategoryDraft) =>
    onChange(drafts.map((draft) => (draft.id === changed.id ? changed : draft)))
  return (
    <div>
      <div className={`${styles.row} ${styles.head}`} aria-hidden="true">
        <span />
        <span>Colour</span>
        <span>Name</span>
        <span>Key</span>
        <span />
      </div>
      <ul ref={list} className={styles.rows}>
        {drafts.map((draft, index) => (
          <CategoryRow
            key={draft.id}
            draft={draft}
            place={[index + 1, drafts.length]}
            problems={{
              name: showProblems || draft.name.trim() ? nameProblem(draft, drafts) : null,
              key: keyProblem(draft, drafts),
            }}
            isDragged={index === dragged}
            handle={handleAt(index)}
            onChange={replace}
            onRemove={() => onChange(drafts.filter(({ id }) => id !== draft.id))}
          />
        ))}
      </ul>
    </div>
  )
}

type TakenOutProps = Pick<CategoryEditorProps, "drafts" | "onChange"> & {
  stored: readonly Category[]
}

/** What will be gone after saving, and a way back. */
function TakenOut({ drafts, stored, onChange }: TakenOutProps) {
  const gone = takenOut(drafts, stored)
  if (gone.length === 0) return null
  return (
    <Notice tone="warn">
      Saving removes these. A category that a label names cannot be removed.
      <span className={styles.presets}>
        {gone.map((category) => (
          <Button key={category.id} onClick={() => onChange(putBack(drafts, category))}>
            <Undo2 aria-hidden="true" />
            Keep {category.name}
          </Button>
        ))}
      </span>
    </Notice>
  )
}

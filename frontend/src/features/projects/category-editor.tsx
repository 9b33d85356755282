import { Plus, X } from "lucide-react"
import { Button } from "@/components/button"
import { FormSection } from "@/components/layout"
import {
  addCategory,
  type CategoryDraft,
  draftCategories,
  MAX_CATEGORIES,
  problemOf,
} from "./category-draft"
import styles from "./form.module.css"
import { PRESETS } from "./presets"

export type Preset = { name: string; categories: readonly string[] }

type CategoryEditorProps = {
  drafts: readonly CategoryDraft[]
  onChange: (drafts: CategoryDraft[]) => void
  /** Offered besides the usual street datasets. */
  presets: readonly Preset[]
  /** Show what is wrong; only after the first attempt to save. */
  showProblems: boolean
  error: string | undefined
}

export function CategoryEditor(props: CategoryEditorProps) {
  const { drafts, onChange, presets, showProblems, error } = props
  const replace = (changed: CategoryDraft) =>
    onChange(drafts.map((draft) => (draft.id === changed.id ? changed : draft)))
  return (
    <FormSection
      title="Categories"
      hint="What people look for. Names must match the source domain's categories; the colour is drawn in masks, the key ticks the category. They are fixed once the project exists."
    >
      <p className={styles.hint}>
        Start from a known set, or add your own, up to {MAX_CATEGORIES}.
      </p>
      <div className={styles.presets}>
        {[...presets, ...PRESETS].map((preset) => (
          <Button key={preset.name} onClick={() => onChange(draftCategories(preset.categories))}>
            {preset.name}
          </Button>
        ))}
      </div>
      {error && <p className={styles.error}>{error}</p>}
      {drafts.length > 0 && (
        <div className={styles.rows}>
          <div className={`${styles.row} ${styles.rowhead}`} aria-hidden="true">
            <span>Colour</span>
            <span>Name</span>
            <span>Key</span>
            <span />
          </div>
          {drafts.map((draft, index) => (
            <CategoryRow
              key={draft.id}
              draft={draft}
              place={index + 1}
              problem={showProblems ? problemOf(draft, drafts) : null}
              onChange={replace}
              onRemove={() => onChange(drafts.filter(({ id }) => id !== draft.id))}
            />
          ))}
        </div>
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
    </FormSection>
  )
}

type CategoryRowProps = {
  draft: CategoryDraft
  place: number
  problem: string | null
  onChange: (draft: CategoryDraft) => void
  onRemove: () => void
}

function CategoryRow({ draft, place, problem, onChange, onRemove }: CategoryRowProps) {
  return (
    <div className={styles.row}>
      <input
        type="color"
        className={styles.color}
        aria-label={`Colour of category ${place}`}
        value={draft.color}
        onChange={(event) => onChange({ ...draft, color: event.target.value })}
      />
      <input
        className={styles.text}
        aria-label={`Name of category ${place}`}
        aria-invalid={problem !== null}
        maxLength={100}
        value={draft.name}
        onChange={(event) => onChange({ ...draft, name: event.target.value })}
      />
      <input
        className={`${styles.text} ${styles.key}`}
        aria-label={`Key of category ${place}`}
        maxLength={1}
        placeholder="auto"
        value={draft.key}
        onChange={(event) => onChange({ ...draft, key: event.target.value.toLowerCase() })}
      />
      <Button
        variant="quiet"
        size="icon"
        aria-label={`Remove category ${place} ${draft.name}`}
        onClick={onRemove}
      >
        <X />
      </Button>
      {problem && <p className={styles.error}>{problem}</p>}
    </div>
  )
}

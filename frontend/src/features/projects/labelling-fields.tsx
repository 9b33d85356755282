import type { Mode, Order, Prefill } from "@/api/projects"
import { CheckField } from "@/components/choice-field"
import { TextField } from "@/components/field"
import { FormSection } from "@/components/layout"
import { type Option, Select } from "@/components/select"
import styles from "./form.module.css"
import type { FieldsProps } from "./settings-fields"

const MODES: readonly Option<Mode>[] = [
  { value: "tags-and-points", label: "Tags and points", description: "Tick and click in one go." },
  { value: "tags", label: "Tags", description: "Tick which categories are in the image." },
  { value: "points", label: "Points", description: "Tick first, then click each in turn." },
  { value: "tiles", label: "Tiles", description: "Say which tiles each category is in." },
]

const PREFILLS: readonly Option<Prefill>[] = [
  { value: "none", label: "Nothing", description: "Every image starts empty." },
  { value: "model", label: "What the model expects", description: "By the latest run." },
  { value: "priors", label: "What is common", description: "Ticked in most labels so far." },
]

const ORDERS: readonly Option<Order>[] = [
  { value: "imported", label: "As imported", description: "The first image first." },
  { value: "random", label: "Random", description: "An even sample at any time." },
  { value: "uncertain", label: "Most uncertain", description: "Where the model knows least." },
  { value: "rare", label: "Rare categories", description: "Where rare ones are expected." },
  {
    value: "disagreement",
    label: "Disagreement",
    description: "Labelled images that the model sees otherwise come first for a second opinion.",
  },
]

export function LabellingFields({ draft, onChange, problems }: FieldsProps) {
  return (
    <FormSection title="Labelling" hint="What people are asked, and what they are shown.">
      <div className={styles.pairs}>
        <Select
          label="What people give"
          options={MODES}
          value={draft.mode}
          onChange={(mode) => onChange({ mode })}
        />
        <Select
          label="Which images come first"
          options={ORDERS}
          value={draft.order}
          onChange={(order) => onChange({ order })}
        />
        <ModeFields draft={draft} onChange={onChange} problems={problems} />
        <Select
          label="Ticked at the start"
          description="Faster, but people tend to agree with it."
          options={PREFILLS}
          value={draft.prefill}
          onChange={(prefill) => onChange({ prefill })}
        />
        <TextField
          label="Blind images, percent"
          description="Start empty and without prediction, so that the effect of help can be measured."
          value={draft.blindPercent}
          onChange={(blindPercent) => onChange({ blindPercent })}
          inputMode="numeric"
          error={problems.blindPercent ?? problems.blind_share ?? null}
        />
      </div>
      <CheckField
        label="Show predictions"
        description="The latest model's mask can be laid over the image."
        isSelected={draft.showPredictions}
        onChange={(showPredictions) => onChange({ showPredictions })}
      />
    </FormSection>
  )
}

/** What only some modes ask for. */
function ModeFields({ draft, onChange, problems }: FieldsProps) {
  if (draft.mode === "tags") return null
  if (draft.mode !== "tiles") {
    return (
      <TextField
        label="Points of each category"
        value={draft.pointsPerCategory}
        onChange={(pointsPerCategory) => onChange({ pointsPerCategory })}
        inputMode="numeric"
        error={problems.pointsPerCategory ?? null}
      />
    )
  }
  return (
    <>
      <TextField
        label="Rows of tiles"
        value={draft.tileRows}
        onChange={(tileRows) => onChange({ tileRows })}
        inputMode="numeric"
        error={problems.tiles ?? null}
      />
      <TextField
        label="Columns of tiles"
        value={draft.tileCols}
        onChange={(tileCols) => onChange({ tileCols })}
        inputMode="numeric"
      />
    </>
  )
}

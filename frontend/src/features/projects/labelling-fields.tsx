import type { Order, Prefill } from "@/api/projects"
import { CheckField, type Choice, RadioCards } from "@/components/choice-field"
import { TextField } from "@/components/field"
import { FormSection } from "@/components/layout"
import { type Option, Select } from "@/components/select"
import styles from "./form.module.css"
import { MODES, ModeFields } from "./modes"
import type { OverlapOf } from "./project-draft"
import type { FieldsProps } from "./settings-fields"

const PREFILLS: readonly Choice<Prefill>[] = [
  { value: "none", label: "Nothing", description: "Every image starts empty." },
  {
    value: "model",
    label: "What the model expects",
    description: "Only what the latest run got wrong needs a key.",
  },
  {
    value: "priors",
    label: "What is common",
    description: "Ticked where most labels so far have it; from the twentieth label on.",
  },
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

/** What people are asked for, and how many of them. */
export function TaskFields({ draft, onChange, problems }: FieldsProps) {
  return (
    <FormSection title="Task" hint="What people give for each image, and how many people.">
      <RadioCards
        label="What people give"
        choices={MODES}
        value={draft.mode}
        onChange={(mode) => onChange({ mode })}
      />
      <div className={styles.pairs}>
        <ModeFields draft={draft} onChange={onChange} problems={problems} />
        <OverlapFields draft={draft} onChange={onChange} problems={problems} />
        <TextField
          label="Shortest look, in milliseconds"
          description="An image is on the screen for at least this long before an answer to it is taken. A double press then answers no image that nobody has seen."
          value={draft.minView}
          onChange={(minView) => onChange({ minView })}
          inputMode="numeric"
          error={problems.minView ?? problems.min_view_ms ?? null}
        />
        <TextField
          label="Idle after so many seconds"
          description="Of a pause without key or pointer, no more than this counts as time worked. A change computes all times anew from what browsers sent, those of finished runs too."
          value={draft.idleAfter}
          onChange={(idleAfter) => onChange({ idleAfter })}
          inputMode="numeric"
          error={problems.idleAfter ?? problems.idle_after_s ?? null}
        />
      </div>
    </FormSection>
  )
}

const OVERLAPS: readonly Option<OverlapOf>[] = [
  { value: "all", label: "Every image", description: "Each is first labelled once, then again." },
  {
    value: "share",
    label: "A share of the images",
    description:
      "Drawn evenly; the others are for one person. Agreement is known on the first day.",
  },
  {
    value: "first",
    label: "The first images",
    description: "In order of import; the others are for one person.",
  },
]

/** How many people label which images. */
function OverlapFields({ draft, onChange, problems }: FieldsProps) {
  return (
    <>
      <TextField
        label="People per image"
        description="With two or more, their agreement can be measured. What is done stays when it is lowered."
        value={draft.overlap}
        onChange={(overlap) => onChange({ overlap })}
        inputMode="numeric"
        error={problems.overlap ?? null}
      />
      {Number(draft.overlap) > 1 && (
        <Select
          label="So many people label"
          options={OVERLAPS}
          value={draft.overlapOf}
          onChange={(overlapOf) => onChange({ overlapOf })}
        />
      )}
      {Number(draft.overlap) > 1 && draft.overlapOf === "share" && (
        <TextField
          label="Share of the images, percent"
          description="The draw stays: raised, it has more images besides; lowered, some of the same."
          value={draft.overlapPercent}
          onChange={(overlapPercent) => onChange({ overlapPercent })}
          inputMode="decimal"
          error={problems.overlapPercent ?? problems.overlap_share ?? null}
        />
      )}
      {Number(draft.overlap) > 1 && draft.overlapOf === "first" && (
        <TextField
          label="How many of the first images"
          description="Those that are imported until there are so many. For another order than as imported, take a share."
          value={draft.overlapFirst}
          onChange={(overlapFirst) => onChange({ overlapFirst })}
          inputMode="numeric"
          error={problems.overlapFirst ?? problems.overlap_first ?? null}
        />
      )}
    </>
  )
}

/** In which order images come, and what is shown with them. */
export function HelpFields({ draft, onChange, problems }: FieldsProps) {
  return (
    <FormSection title="Order and help" hint="Which images come first, and what people are shown.">
      <div className={styles.pairs}>
        <Select
          label="Which images come first"
          options={ORDERS}
          value={draft.order}
          onChange={(order) => onChange({ order })}
        />
      </div>
      <RadioCards
        label="Ticked at the start"
        choices={PREFILLS}
        value={draft.prefill}
        onChange={(prefill) => onChange({ prefill })}
      />
      <CheckField
        label="Show predictions"
        description="The latest model's mask can be laid over the image."
        isSelected={draft.showPredictions}
        onChange={(showPredictions) => onChange({ showPredictions })}
      />
      <ShareFields draft={draft} onChange={onChange} problems={problems} />
    </FormSection>
  )
}

/** How many images are unlike the others, so that people's answers can be measured. */
function ShareFields({ draft, onChange, problems }: FieldsProps) {
  const isHelped = draft.prefill !== "none" || draft.showPredictions
  const hasGold = draft.source !== null
  if (!(isHelped || hasGold)) return null
  return (
    <div className={styles.pairs}>
      {isHelped && (
        <TextField
          label="Blind images, percent"
          description="People tend to agree with what they are shown. This share starts empty and without prediction, so that the effect can be measured."
          value={draft.blindPercent}
          onChange={(blindPercent) => onChange({ blindPercent })}
          inputMode="decimal"
          error={problems.blindPercent ?? problems.blind_share ?? null}
        />
      )}
      {hasGold && (
        <TextField
          label="Images with known answers, percent"
          description="Made under Quality from the source domain, to measure how well people answer. Where predictions are shown, at least as many images are blind."
          value={draft.goldPercent}
          onChange={(goldPercent) => onChange({ goldPercent })}
          inputMode="decimal"
          error={problems.goldPercent ?? problems.gold_share ?? null}
        />
      )}
    </div>
  )
}

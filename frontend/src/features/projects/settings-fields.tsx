import { useSuspenseQuery } from "@tanstack/react-query"
import { datasetsQuery, recipesQuery } from "@/api/project-settings"
import type { Dataset } from "@/api/projects"
import { mayAct, useMe } from "@/api/session"
import { LinkButton } from "@/components/button"
import { type Choice, RadioCards } from "@/components/choice-field"
import { TextField } from "@/components/field"
import { FormSection } from "@/components/layout"
import { type Option, Select } from "@/components/select"
import { SUPERVISIONS } from "@/components/supervision"
import { formatPlural } from "@/lib/format"
import styles from "./form.module.css"
import type { ProjectDraft } from "./project-draft"

export type FieldsProps = {
  draft: ProjectDraft
  onChange: (change: Partial<ProjectDraft>) => void
  problems: Record<string, string>
}

const TAKE_PART: readonly Choice<ProjectDraft["takePart"]>[] = [
  { value: "members", label: "Members", description: "Who is added under Team." },
  {
    value: "everybody",
    label: "Everybody",
    description: "Whoever has an account here: annotators label, engineers lead.",
  },
]

export function GeneralFields({ draft, onChange, problems }: FieldsProps) {
  return (
    <FormSection title="General" hint="What the project is called and what it is for.">
      <TextField
        label="Name"
        value={draft.name}
        onChange={(name) => onChange({ name })}
        maxLength={200}
        error={problems.name ?? null}
        isRequired
      />
      <TextField
        label="Description"
        lines="many"
        value={draft.description}
        onChange={(description) => onChange({ description })}
        maxLength={2000}
        error={problems.description ?? null}
      />
      <RadioCards
        label="Who takes part"
        choices={TAKE_PART}
        value={draft.takePart}
        onChange={(takePart) => onChange({ takePart })}
      />
    </FormSection>
  )
}

const NONE = "(none)"

/** Datasets as options; one that cannot be used says why. */
function datasetOptions(datasets: readonly Dataset[], withMasks: boolean): Option<string>[] {
  return datasets
    .filter((dataset) => !withMasks || dataset.has_masks)
    .map((dataset) => ({
      value: dataset.name,
      label: dataset.name,
      description:
        dataset.problem ?? `${formatPlural(dataset.images, "image")}. ${dataset.description}`,
      disabled: dataset.problem !== null,
    }))
}

export function TrainingFields({ draft, onChange, problems }: FieldsProps) {
  const mayUpload = mayAct(useMe().role, "engineer")
  const { data: datasets } = useSuspenseQuery(datasetsQuery)
  const { data: recipes } = useSuspenseQuery(recipesQuery)
  const options = [{ value: NONE, label: "None" }, ...datasetOptions(datasets, true)]
  const chosenName = (value: string) => (value === NONE ? null : value)
  return (
    <FormSection
      title="Training"
      hint="What runs start from, how they are measured, and when they start by themselves."
    >
      <div className={styles.pairs}>
        <Select
          label="Source domain"
          description="Labelled images that training starts from. Runs need one."
          options={options}
          value={draft.source ?? NONE}
          onChange={(value) => onChange({ source: chosenName(value) })}
          error={problems.source ?? null}
        />
        <Select
          label="Validation set"
          description="Target images with masks, used only to measure accuracy."
          options={options}
          value={draft.validation ?? NONE}
          onChange={(value) => onChange({ validation: chosenName(value) })}
          error={problems.validation ?? null}
        />
        {mayUpload && (
          <div className={styles.wide}>
            <LinkButton to="/datasets" search={{}}>
              Upload a dataset
            </LinkButton>
          </div>
        )}
        <Select
          label="Recipe"
          description="How runs are configured unless they say otherwise."
          options={recipes.map(({ name, description }) => ({
            value: name,
            label: name,
            description,
          }))}
          value={draft.recipe}
          onChange={(recipe) => onChange({ recipe })}
          error={problems.recipe ?? null}
        />
        <TextField
          label="Retrain after so many new labels"
          description="A run starts by itself. Leave empty for never."
          value={draft.retrainAfter}
          onChange={(retrainAfter) => onChange({ retrainAfter })}
          inputMode="numeric"
          error={problems.retrainAfter ?? problems.retrain_after ?? null}
        />
        <TextField
          label="Stop below so many points of mIoU an hour"
          description="The accuracy page says so once another hour is expected to bring less. Leave empty not to be told."
          value={draft.stopBelow}
          onChange={(stopBelow) => onChange({ stopBelow })}
          inputMode="decimal"
          error={problems.stopBelow ?? problems.stop_below ?? null}
        />
        <div className={styles.wide}>
          <RadioCards
            label="Supervision of automatic runs"
            choices={SUPERVISIONS}
            value={draft.supervision}
            onChange={(supervision) => onChange({ supervision })}
          />
        </div>
      </div>
    </FormSection>
  )
}

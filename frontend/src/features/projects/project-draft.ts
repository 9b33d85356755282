import type { LabelKind, Project, ProjectChange, ProjectIn, Supervision } from "@/api/projects"
import { type CategoryDraft, problemOf, toCategories } from "./category-draft"

/** Everything about a project that can still be changed once it has labels. */
export type SettingsDraft = {
  name: string
  description: string
  labelKinds: readonly LabelKind[]
  source: string | null
  validation: string | null
  recipe: string
  supervision: Supervision
  /** As typed; empty is never. */
  retrainAfter: string
  showPredictions: boolean
  prefill: boolean
}

export type ProjectDraft = SettingsDraft & {
  categories: readonly CategoryDraft[]
  overlap: string
}

export const EMPTY_SETTINGS: SettingsDraft = {
  name: "",
  description: "",
  labelKinds: ["image", "point"],
  source: null,
  validation: null,
  recipe: "cpu-small",
  supervision: "point",
  retrainAfter: "",
  showPredictions: true,
  prefill: false,
}

export const toDraft = (project: Project): SettingsDraft => ({
  name: project.name,
  description: project.description,
  labelKinds: project.label_kinds,
  source: project.source,
  validation: project.validation,
  recipe: project.recipe,
  supervision: project.supervision,
  retrainAfter: project.retrain_after === null ? "" : String(project.retrain_after),
  showPredictions: project.show_predictions,
  prefill: project.prefill,
})

const toSettings = (draft: SettingsDraft) => ({
  name: draft.name.trim(),
  description: draft.description,
  label_kinds: [...draft.labelKinds],
  source: draft.source,
  validation: draft.validation,
  recipe: draft.recipe,
  supervision: draft.supervision,
  retrain_after: draft.retrainAfter === "" ? null : Number(draft.retrainAfter),
  show_predictions: draft.showPredictions,
  prefill: draft.prefill,
})

/** What the server is sent to change a project. */
export const toChange = (draft: SettingsDraft): ProjectChange => toSettings(draft)

/** What the server is sent to make a project. */
export const toProject = (draft: ProjectDraft): ProjectIn => ({
  ...toSettings(draft),
  overlap: Number(draft.overlap),
  categories: toCategories(draft.categories),
})

/** Problems by field, as far as they show before the server is asked. */
export function checkSettings(draft: SettingsDraft): Record<string, string> {
  const problems: Record<string, string> = {}
  if (!draft.name.trim()) problems.name = "Give the project a name."
  if (draft.labelKinds.length === 0) problems.labelKinds = "Choose at least one kind of label."
  if (draft.retrainAfter !== "" && !isWhole(draft.retrainAfter, 1_000_000)) {
    problems.retrainAfter = "A whole number of labels, or nothing."
  }
  return problems
}

export function checkProject(draft: ProjectDraft): Record<string, string> {
  const problems = checkSettings(draft)
  if (!isWhole(draft.overlap, 10)) problems.overlap = "A whole number from 1 to 10."
  if (draft.categories.length === 0) problems.categories = "Add at least one category."
  if (draft.categories.some((category) => problemOf(category, draft.categories))) {
    problems.categories = "Some categories are not right yet."
  }
  return problems
}

const isWhole = (text: string, most: number): boolean =>
  /^\d{1,7}$/.test(text) && Number(text) >= 1 && Number(text) <= most

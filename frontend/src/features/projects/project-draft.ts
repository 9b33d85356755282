import type {
  Mode,
  Order,
  Prefill,
  Project,
  ProjectChange,
  ProjectIn,
  Supervision,
} from "@/api/projects"
import {
  type CategoryDraft,
  hasProblem,
  storedDrafts,
  toCategories,
  toCategoryChanges,
} from "./category-draft"

export type OverlapOf = "all" | "share" | "first"

export type ProjectDraft = {
  name: string
  description: string
  /** Whether all accounts take part, or members alone. */
  takePart: "members" | "everybody"
  mode: Mode
  /** As typed, like the other numbers. */
  pointsPerCategory: string
  tileRows: string
  tileCols: string
  order: Order
  source: string | null
  validation: string | null
  recipe: string
  supervision: Supervision
  /** As typed; empty is never. */
  retrainAfter: string
  /** Points of mIoU for an hour, as typed; empty is not asked. */
  stopBelow: string
  idleAfter: string
  showPredictions: boolean
  prefill: Prefill
  blindPercent: string
  /** Of images with known answers, once the project has any. */
  goldPercent: string
  overlap: string
  /** Which images so many people label; the others are for one. */
  overlapOf: OverlapOf
  overlapPercent: string
  overlapFirst: string
  /** Milliseconds, as typed. */
  minView: string
  categories: readonly CategoryDraft[]
}

export const EMPTY_PROJECT: ProjectDraft = {
  name: "",
  description: "",
  takePart: "members",
  mode: "tags-and-points",
  pointsPerCategory: "1",
  tileRows: "2",
  tileCols: "2",
  order: "imported",
  source: null,
  validation: null,
  recipe: "cpu-small",
  supervision: "point",
  retrainAfter: "",
  stopBelow: "",
  idleAfter: "10",
  showPredictions: true,
  prefill: "none",
  blindPercent: "10",
  goldPercent: "2",
  overlap: "1",
  overlapOf: "all",
  overlapPercent: "10",
  overlapFirst: "100",
  minView: "400",
  categories: [],
}

export const toDraft = (project: Project): ProjectDraft => ({
  name: project.name,
  description: project.description,
  takePart: project.open_to_everybody ? "everybody" : "members",
  mode: project.mode,
  pointsPerCategory: String(project.points_per_category),
  tileRows: String(project.tile_rows),
  tileCols: String(project.tile_cols),
  order: project.order,
  source: project.source,
  validation: project.validation,
  recipe: project.recipe,
  supervision: project.supervision,
  retrainAfter: project.retrain_after === null ? "" : String(project.retrain_after),
  stopBelow: project.stop_below === null ? "" : toPercent(project.stop_below),
  idleAfter: String(project.idle_after_s),
  showPredictions: project.show_predictions,
  prefill: project.prefill,
  blindPercent: toPercent(project.blind_share),
  goldPercent: toPercent(project.gold_share),
  ...toOverlap(project),
  minView: String(project.min_view_ms),
  categories: storedDrafts(project.categories),
})

export const isSameDraft = (one: ProjectDraft, other: ProjectDraft): boolean =>
  JSON.stringify(one) === JSON.stringify(other)

/** The draft once the server has saved what was `sent`; what has changed meanwhile is still to be saved. */
export function afterSaving(now: ProjectDraft, sent: ProjectDraft, saved: Project): ProjectDraft {
  if (now === sent) return toDraft(saved)
  const ids = new Map(sent.categories.map(({ id }, place) => [id, saved.categories[place]?.id]))
  const categories = now.categories.map((draft) => ({
    ...draft,
    storedId: ids.get(draft.id) ?? draft.storedId,
  }))
  return { ...now, categories }
}

function toOverlap({ overlap, overlap_share, overlap_first }: Project) {
  const { overlapPercent, overlapFirst } = EMPTY_PROJECT
  const isPart = overlap_share < 1
  const overlapOf: OverlapOf = overlap_first !== null ? "first" : isPart ? "share" : "all"
  return {
    overlap: String(overlap),
    overlapOf,
    overlapPercent: isPart ? toPercent(overlap_share) : overlapPercent,
    overlapFirst: overlap_first === null ? overlapFirst : String(overlap_first),
  }
}

const toPercent = (share: number): string => String(Number((share * 100).toFixed(2)))

const toSettings = (draft: ProjectDraft) => ({
  name: draft.name.trim(),
  description: draft.description,
  open_to_everybody: draft.takePart === "everybody",
  mode: draft.mode,
  points_per_category: Number(draft.pointsPerCategory),
  tile_rows: Number(draft.tileRows),
  tile_cols: Number(draft.tileCols),
  order: draft.order,
  source: draft.source,
  validation: draft.validation,
  recipe: draft.recipe,
  supervision: draft.supervision,
  retrain_after: draft.retrainAfter === "" ? null : Number(draft.retrainAfter),
  stop_below: draft.stopBelow === "" ? null : Number(draft.stopBelow) / 100,
  idle_after_s: Number(draft.idleAfter),
  show_predictions: draft.showPredictions,
  prefill: draft.prefill,
  blind_share: Number(draft.blindPercent) / 100,
  gold_share: Number(draft.goldPercent) / 100,
  overlap: Number(draft.overlap),
  overlap_share: draft.overlapOf === "share" ? Number(draft.overlapPercent) / 100 : 1,
  overlap_first: draft.overlapOf === "first" ? Number(draft.overlapFirst) : null,
  min_view_ms: Number(draft.minView),
})

/** They say one thing together. */
const OVERLAP: readonly string[] = ["overlap", "overlap_share", "overlap_first"]

/** What the server is sent to change a project: what is new alone, so that others may change the rest. */
export function toChange(draft: ProjectDraft, stored: Project): ProjectChange {
  const categories = toCategoryChanges(draft.categories, stored.categories)
  const before: Record<string, unknown> = toSettings(toDraft(stored))
  const wanted = Object.entries(toSettings(draft))
  const isNew = ([field, value]: [string, unknown]) => before[field] !== value
  const hasOverlap = wanted.some((entry) => OVERLAP.includes(entry[0]) && isNew(entry))
  const changed = wanted.filter(
    (entry) => isNew(entry) || (hasOverlap && OVERLAP.includes(entry[0])),
  )
  return { ...Object.fromEntries(changed), ...(categories && { categories }) }
}

/** What the server is sent to make a project. */
export const toProject = (draft: ProjectDraft): ProjectIn => ({
  ...toSettings(draft),
  categories: toCategories(draft.categories),
})

/** Problems by field, as far as they show before the server is asked. */
export function checkProject(draft: ProjectDraft): Record<string, string> {
  const problems = checkNumbers(draft)
  if (!draft.name.trim()) problems.name = "Give the project a name."
  if (draft.categories.length === 0) problems.categories = "Add at least one category."
  if (hasProblem(draft.categories)) problems.categories = "Some categories are not right yet."
  return problems
}

function checkNumbers(draft: ProjectDraft): Record<string, string> {
  const problems: Record<string, string> = {}
  if (draft.retrainAfter !== "" && !isWhole(draft.retrainAfter, 1_000_000)) {
    problems.retrainAfter = "A whole number of labels, or nothing."
  }
  if (!isGain(draft.stopBelow)) {
    problems.stopBelow = "Points of mIoU from 0.01 to 99, or nothing."
  }
  if (!isWhole(draft.pointsPerCategory, 10)) {
    problems.pointsPerCategory = "A whole number of points from 1 to 10."
  }
  if (!(isWhole(draft.tileRows, 16) && isWhole(draft.tileCols, 16))) {
    problems.grid = "Rows and columns are whole numbers from 1 to 16."
  }
  if (!isPercentage(draft.blindPercent)) problems.blindPercent = "A percentage from 0 to 100."
  if (!isPercentage(draft.goldPercent, 50)) problems.goldPercent = "A percentage from 0 to 50."
  return { ...problems, ...checkTimes(draft), ...checkOverlap(draft) }
}

function checkTimes({ minView, idleAfter }: ProjectDraft): Record<string, string> {
  const problems: Record<string, string> = {}
  if (!isWhole(minView, 10_000, 0)) {
    problems.minView = "A whole number of milliseconds from 0 to 10000."
  }
  if (!isWhole(idleAfter, 120)) {
    problems.idleAfter = "A whole number of seconds from 1 to 120."
  }
  return problems
}

function checkOverlap({ overlap, overlapOf, overlapPercent, overlapFirst }: ProjectDraft) {
  const problems: Record<string, string> = {}
  if (!isWhole(overlap, 10)) problems.overlap = "A whole number from 1 to 10."
  if (overlapOf === "share" && !isPercentage(overlapPercent)) {
    problems.overlapPercent = "A percentage from 0 to 100."
  }
  if (overlapOf === "first" && !isWhole(overlapFirst, 1_000_000)) {
    problems.overlapFirst = "A whole number of images."
  }
  return problems
}

const isWhole = (text: string, most: number, least = 1): boolean =>
  /^\d{1,7}$/.test(text) && Number(text) >= least && Number(text) <= most

/** Nothing is asked for, or a gain. */
const isGain = (text: string): boolean =>
  text === "" || (/^\d{1,2}(\.\d{1,2})?$/.test(text) && Number(text) > 0)

const isPercentage = (text: string, most = 100): boolean =>
  /^\d{1,3}(\.\d{1,2})?$/.test(text) && Number(text) <= most

import type { Project } from "@/api/projects"
import { type History, startHistory } from "../answer/history"
import { answerOf, type Rules, type Sheet, sheetOf } from "../answer/sheet"
import type { Clock } from "./clock"
import type { Label, Lease, LeasedImage, Prediction } from "./transport"

/** An image with what is known of it. */
export type Task = {
  /** The image's. */
  id: number
  image: LeasedImage
  /** Null when one's own label is corrected. */
  leaseId: string | null
  prediction: Prediction | null
  label: Label | null
}

/** What a person has said of an image so far. */
export type Draft = {
  history: History<Sheet>
  /** As it was shown first, or submitted last. */
  start: Sheet
  /** Categories that the model ticked. */
  prefilled: ReadonlySet<string>
  /** The run whose prediction the form started from. */
  prefilledBy: string | null
  /** Why it was skipped, when it was. */
  skipped: string | null
  /** Runs since the image was painted. */
  clock: Clock | null
}

/** Probability from which the model ticks a category. */
const TICKED_FROM = 0.5

export function taskOf(lease: Lease): Task {
  const { image, prediction, label } = lease
  return { id: image.id, image, leaseId: lease.id, prediction, label }
}

export function rulesOf(project: Project): Rules {
  return { categories: project.categories, asksPoints: project.label_kinds.includes("point") }
}

/** Where a person starts: their own earlier label, the model's ticks, or nothing. */
function draftOf(task: Task, project: Project): Draft {
  const rules = rulesOf(project)
  if (task.label) return draftOfLabel(task.label, rules)
  const { prediction } = task
  if (!(project.prefill && prediction)) return newDraft(sheetOf({ present: [] }, rules))
  const present = rules.categories
    .map((category) => category.name)
    .filter((name) => (prediction.presence[name] ?? 0) >= TICKED_FROM)
  const draft = newDraft(sheetOf({ present }, rules))
  return { ...draft, prefilled: new Set(present), prefilledBy: String(prediction.run_id) }
}

function draftOfLabel(label: Label, rules: Rules): Draft {
  const { present, absent, points, skipped, prefilled_by } = label
  const said = new Set([...present, ...absent])
  const unsure = rules.categories.map((one) => one.name).filter((name) => !said.has(name))
  const sheet = sheetOf(skipped === null ? { present, unsure, points } : { present: [] }, rules)
  return { ...newDraft(sheet), skipped, prefilledBy: prefilled_by }
}

function newDraft(sheet: Sheet): Draft {
  const history = startHistory(sheet)
  const prefilled: ReadonlySet<string> = new Set()
  return { history, start: sheet, prefilled, prefilledBy: null, skipped: null, clock: null }
}

/** What is sent of a draft; a skip says nothing of the image. */
export function bodyOf(draft: Draft, project: Project, skipped: string | null) {
  const nothing = { present: [], absent: [], points: [] }
  const answer = skipped ? nothing : answerOf(draft.history.present, project.categories)
  return { ...answer, skipped, prefilled_by: draft.prefilledBy }
}

/** What a person has said of each image while the page is open. */
export class Drafts {
  private readonly project: Project
  private readonly drafts = new Map<number, Draft>()

  constructor(project: Project) {
    this.project = project
  }

  /** Made when it is asked for first. */
  of(task: Task): Draft {
    const draft = this.drafts.get(task.id) ?? draftOf(task, this.project)
    this.drafts.set(task.id, draft)
    return draft
  }

  change(task: Task, change: Partial<Draft>): void {
    this.drafts.set(task.id, { ...this.of(task), ...change })
  }

  /** Take back what was said since it was submitted last. */
  revert(task: Task): void {
    const { start } = this.of(task)
    this.change(task, { history: startHistory(start), clock: null })
  }

  /** Whether anything was said since, even if it was taken back. */
  isTouched(task: Task): boolean {
    return this.of(task).history.past.length > 0
  }
}

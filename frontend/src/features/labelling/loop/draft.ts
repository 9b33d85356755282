import type { Project } from "@/api/projects"
import { changed, type History, startHistory } from "../answer/history"
import { answerOf, isSameAnswer, type Rules, refitted, type Sheet, sheetOf } from "../answer/sheet"
import type { Clock, Timing } from "./clock"
import type { Shelf } from "./shelf"
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
  /** The answer that was submitted last; null when none was. */
  basis: string | null
  /** The time that it had taken when the page was left. */
  before: Timing | null
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
  const basis = JSON.stringify(answerOf(sheet, rules.categories))
  return { ...newDraft(sheet), skipped, prefilledBy: prefilled_by, basis }
}

function newDraft(sheet: Sheet): Draft {
  const history = startHistory(sheet)
  const prefilled: ReadonlySet<string> = new Set()
  const model = { prefilled, prefilledBy: null }
  return { history, start: sheet, ...model, skipped: null, basis: null, before: null, clock: null }
}

/** What is sent of a draft; a skip says nothing of the image. */
export function bodyOf(draft: Draft, project: Project, skipped: string | null) {
  const nothing = { present: [], absent: [], points: [] }
  const answer = skipped ? nothing : answerOf(draft.history.present, project.categories)
  return { ...answer, skipped, prefilled_by: draft.prefilledBy }
}

/** What a person has said of each image, kept on this device until it is submitted. */
export class Drafts {
  private readonly project: Project
  private readonly shelf: Shelf
  private readonly drafts = new Map<number, Draft>()

  constructor(project: Project, shelf: Shelf) {
    this.project = project
    this.shelf = shelf
  }

  /** Made when it is asked for first. */
  of(task: Task): Draft {
    const draft = this.drafts.get(task.id) ?? this.restored(task, draftOf(task, this.project))
    this.drafts.set(task.id, draft)
    return draft
  }

  change(task: Task, change: Partial<Draft>): void {
    this.drafts.set(task.id, { ...this.of(task), ...change })
  }

  /** What was said is another answer: it survives the page from now on. */
  edit(task: Task, history: History<Sheet>): void {
    const { start, basis, before, clock, history: last } = this.of(task)
    if (history === last) return
    this.change(task, { history })
    const sheet = history.present
    if (isSameAnswer(sheet, start, this.project.categories)) this.shelf.drop(task.id)
    else this.shelf.keep(task.id, { basis, sheet, timing: clock?.read() ?? before })
  }

  /** The answer, or the reason to skip, is on its way to the server. */
  submitted(task: Task, skipped: string | null): void {
    const start = this.of(task).history.present
    const basis = JSON.stringify(answerOf(start, this.project.categories))
    this.change(task, { start, basis, skipped, before: null, clock: null })
    this.shelf.drop(task.id)
  }

  /** Take back what was said since it was submitted last. */
  revert(task: Task): void {
    const { start } = this.of(task)
    this.change(task, { history: startHistory(start), before: null, clock: null })
    this.shelf.drop(task.id)
  }

  /** With what an earlier page left unsubmitted, unless the answer has changed since. */
  private restored(task: Task, draft: Draft): Draft {
    const kept = this.shelf.find(task.id)
    if (!kept || kept.basis !== draft.basis) return draft
    const sheet = refitted(kept.sheet, rulesOf(this.project))
    return { ...draft, history: changed(draft.history, sheet, "restore", 0), before: kept.timing }
  }

  /** Whether anything was said since, even if it was taken back. */
  isTouched(task: Task): boolean {
    return this.of(task).history.past.length > 0
  }
}

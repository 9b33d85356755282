import type { Project } from "@/api/projects"
import type { Timing } from "@/lib/clock"
import { NO_PLACES } from "@/lib/modes"
import { contentOf, isSameContent } from "../answer/content"
import { changed, type History, startHistory } from "../answer/history"
import { presenceOf, refitted, type Sheet } from "../answer/sheet"
import type { Rules } from "../modes/mode"
import { rulesOf } from "../modes/rules"
import type { KeptDrafts } from "./kept-drafts"
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
  /** What is ticked at the start, and by whom. */
  prefill: Lease["prefill"]
  /** Whether a prediction is withheld, to see what it would have done to the answer. */
  isBlind: boolean
}

/** What a person has said of an image so far. */
export type Draft = {
  history: History<Sheet>
  /** As it was shown first, or submitted last. */
  start: Sheet
  /** Categories that were ticked for the person. */
  prefilled: ReadonlySet<string>
  /** The run whose prediction the form started from, or `priors`. */
  prefilledBy: string | null
  /** Why it was skipped, when it was. */
  skipped: string | null
  /** The answer that was submitted last, if any, and the form it was given in. */
  basis: string
  /** The time that it had taken when the page was left. */
  before: Timing | null
}

export function taskOf(lease: Lease): Task {
  const { id: leaseId, image, prediction, label, prefill, blind: isBlind } = lease
  return { id: image.id, image, leaseId, prediction, label, prefill, isBlind }
}

/**
 * Where a person starts: their own earlier label, what is likely, or nothing. What they said of some
 * categories in sweeps goes before what is likely.
 */
function draftOf({ label, prefill }: Task, rules: Rules): Draft {
  if (label && !label.partial) return draftOfLabel(label, rules)
  const { present = [], absent = [], unsure = [] } = label ?? {}
  const said = new Set([...present, ...absent, ...unsure])
  const likely = (prefill?.present ?? []).filter((name) => !said.has(name))
  const sheet = rules.mode.sheetOf({ present: [...present, ...likely], unsure }, rules)
  // What is likely in the image ticks nothing where a category wants places first.
  const ticked = likely.filter((name) => presenceOf(sheet, name) === "present")
  const prefilled: ReadonlySet<string> = new Set(ticked)
  const basis = basisOf(label && rules.mode.sheetOf(label, rules), rules)
  return { ...startingWith(sheet), basis, prefilled, prefilledBy: prefill?.by ?? null }
}

function draftOfLabel(label: Label, rules: Rules): Draft {
  const { skipped, prefilled_by: prefilledBy } = label
  const sheet = rules.mode.sheetOf(skipped === null ? label : { present: [] }, rules)
  const prefilled: ReadonlySet<string> = new Set(label.prefilled)
  return { ...startingWith(sheet), basis: basisOf(sheet, rules), prefilled, prefilledBy, skipped }
}

function startingWith(sheet: Sheet) {
  return { history: startHistory(sheet), start: sheet, skipped: null, before: null }
}

function basisOf(submitted: Sheet | null, rules: Rules): string {
  return JSON.stringify([rules.mode.name, rules.grid, submitted && contentOf(submitted, rules)])
}

/** What is sent of a draft; a skip says nothing of the image. */
export function bodyOf(draft: Draft, project: Project, skipped: string | null) {
  const nothing = { present: [], absent: [], unsure: [], ...NO_PLACES }
  const answer = skipped ? nothing : contentOf(draft.history.present, rulesOf(project))
  return { ...answer, resolves: false, skipped, prefilled_by: draft.prefilledBy }
}

/** What a person has said of each image, kept on this device until it is submitted. */
export class Drafts {
  private readonly rules: Rules
  private readonly keptDrafts: KeptDrafts
  private readonly drafts = new Map<number, Draft>()

  constructor(project: Project, keptDrafts: KeptDrafts) {
    this.rules = rulesOf(project)
    this.keptDrafts = keptDrafts
  }

  /** Made when it is asked for first. */
  of(task: Task): Draft {
    const draft = this.drafts.get(task.id) ?? this.restored(task, draftOf(task, this.rules))
    this.drafts.set(task.id, draft)
    return draft
  }

  /** The time before, which is counted once. */
  takeTimeBefore(task: Task): Timing | null {
    const { before } = this.of(task)
    this.change(task, { before: null })
    return before
  }

  private change(task: Task, change: Partial<Draft>): void {
    this.drafts.set(task.id, { ...this.of(task), ...change })
  }

  /** What was said is another answer: it survives the page from now on. */
  edit(task: Task, history: History<Sheet>, timing: Timing | null): void {
    if (history === this.of(task).history) return
    this.change(task, { history })
    const draft = this.of(task)
    const { basis } = draft
    if (this.isChanged(draft))
      this.keptDrafts.keep(task.id, { basis, sheet: history.present, timing })
    else this.keptDrafts.drop(task.id)
  }

  /** The answer, or the reason to skip, is on its way to the server. */
  submitted(task: Task, skipped: string | null): void {
    const start = this.of(task).history.present
    const basis = basisOf(start, this.rules)
    this.change(task, { start, basis, skipped, before: null })
    this.keptDrafts.drop(task.id)
  }

  /** Take back what was said since it was submitted last. */
  revert(task: Task): void {
    const { start } = this.of(task)
    this.change(task, { history: startHistory(start), before: null })
    this.keptDrafts.drop(task.id)
  }

  /** With what an earlier page left unsubmitted, unless the answer has changed since. */
  private restored(task: Task, draft: Draft): Draft {
    const kept = this.keptDrafts.find(task.id)
    if (!kept || kept.basis !== draft.basis) return draft
    const sheet = refitted(kept.sheet, this.rules.categories)
    return { ...draft, history: changed(draft.history, sheet, "restore", 0), before: kept.timing }
  }

  /** Whether it would be submitted as another answer than it was. */
  isChanged({ history, start }: Draft): boolean {
    return !isSameContent(history.present, start, this.rules)
  }
}

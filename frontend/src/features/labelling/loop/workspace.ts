import type { Project } from "@/api/projects"
import { changed, type History, redone, revised, undone } from "../answer/history"
import { isAllAbsent, type Sheet, selected } from "../answer/sheet"
import { bodyOf, Drafts, type Task, taskOf } from "./draft"
import type { Lease } from "./transport"
import { type Sending, type Standing, WorkQueue } from "./work-queue"
import type { WorkspaceParts, WorkspaceState } from "./workspace-state"

/** One person's way through the images: the one on the stage, those to come, those behind. */
export class Workspace extends WorkQueue<Task, WorkspaceState> {
  private readonly parts: WorkspaceParts
  private readonly drafts: Drafts
  private readonly tasks = new WeakMap<Lease, Task>()
  private times: readonly number[] = []
  private finished = 0

  constructor(parts: WorkspaceParts) {
    super({ ...parts, leastMs: parts.project.min_view_ms })
    this.parts = parts
    this.drafts = new Drafts(parts.project, parts.keptDrafts)
    this.subscribe(() => {
      const shown = [this.current()].filter((task) => task !== null)
      parts.want([...new Set([...shown, ...this.coming(), ...this.visited.nearby()])])
    })
  }

  /** Change the answer; quick changes of one kind are one step of undo. */
  edit(kind: string, change: (sheet: Sheet) => Sheet): void {
    const now = this.parts.now()
    this.rewrite((history) => changed(history, change(history.present), kind, now))
  }

  /** Select a point, or none: nothing that undo would take back. */
  select(point: number | null): void {
    this.rewrite((history) => revised(history, selected(history.present, point)))
  }

  undo(): void {
    this.rewrite(undone)
  }

  redo(): void {
    this.rewrite(redone)
  }

  /** Keep the answer on this device and go on to the next image. */
  async submit(): Promise<void> {
    await this.goOn(this.isUnsent() || Boolean(this.snapshot().draft?.skipped))
  }

  async skip(reason: string): Promise<void> {
    await this.goOn(true, reason)
  }

  async forward(): Promise<void> {
    if (this.visited.current()) await this.goOn()
    else this.say("This is the newest image.", true)
  }

  /** To the image before; a correction that was begun is saved. */
  async back(): Promise<void> {
    try {
      if (!(await this.goBack())) this.say("There is no earlier image.", true)
    } catch {
      this.say("Earlier images cannot be loaded at the moment.", true)
    }
  }

  /** To the newest image; what was changed of an earlier one is taken back. */
  leave(): void {
    const task = this.visited.current()
    if (!task) return
    this.goToNewest()
    this.drafts.revert(task)
  }

  protected coming(): Task[] {
    return this.parts.feed.snapshot().queue.map((lease) => {
      const task = this.tasks.get(lease) ?? taskOf(lease)
      this.tasks.set(lease, task)
      return task
    })
  }

  protected form(task: Task) {
    const draft = this.drafts.of(task)
    const { past, present } = draft.history
    const isChanged = this.drafts.isChanged(draft)
    const isEmpty = isAllAbsent(present, this.parts.project.categories)
    return { isChanged, isTouched: isChanged, isEmpty, isBegun: past.length > 0 }
  }

  protected timeBefore(task: Task) {
    return this.drafts.takeTimeBefore(task)
  }

  protected async send(task: Task, sending: Sending): Promise<void> {
    const { skipped, timing, isNewest, onKept } = sending
    const { project, author, outbox, newId } = this.parts
    const answer = bodyOf(this.drafts.of(task), project, skipped)
    const body = { ...answer, lease_id: isNewest ? task.leaseId : null, timing }
    const image = { imageId: task.id, imageName: task.image.external_id }
    const about = { ...author, ...image, projectId: project.id, queuedAt: Date.now() }
    await outbox.add({ id: newId(), ...about, body }, () => {
      this.drafts.submitted(task, skipped)
      if (isNewest) this.finished += 1
      if (isNewest && !skipped) this.times = [...this.times, timing.active_ms]
      onKept()
    })
  }

  protected arrival(): string | null {
    const { task, stepsBack } = this.snapshot()
    return task && (stepsBack > 0 ? `Earlier image ${task.image.external_id}` : "Next image")
  }

  protected refusal(press: "early" | "ask"): string {
    const isEarly = press === "early"
    return isEarly ? "This image has only just come. Press again." : askAbout(this.parts.project)
  }

  protected read(standing: Standing): WorkspaceState {
    const task = this.current()
    const draft = task && this.drafts.of(task)
    return { ...standing, task, draft, finished: this.finished, times: this.times }
  }

  private rewrite(change: (history: History<Sheet>) => History<Sheet>): void {
    this.change((task) => {
      const { history, before } = this.drafts.of(task)
      this.drafts.edit(task, change(history), this.clock()?.read() ?? before)
    })
  }
}

function askAbout({ categories: [first, ...others] }: Project): string {
  const all = others.length === 0 ? `${first?.name} is` : `all ${others.length + 1} categories are`
  return `Nothing is ticked: this says ${all} absent. Press Enter again to save.`
}

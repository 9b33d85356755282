import type { Project } from "@/api/projects"
import { Clock, NO_TIME } from "@/lib/clock"
import { changed, type History, redone, revised, undone } from "../answer/history"
import { isAllAbsent, type Sheet, selected } from "../answer/sheet"
import { bodyOf, type Draft, Drafts, type Task, taskOf } from "./draft"
import { Guard } from "./guard"
import { Observable } from "./observable"
import type { Lease } from "./transport"
import { Visited } from "./visited"
import type { Said, WorkspaceParts, WorkspaceState } from "./workspace-state"

const TOO_EARLY = "This image has only just come. Press again."

/** One person's way through the images: the one on the stage, those to come, those behind. */
export class Workspace extends Observable {
  private readonly parts: WorkspaceParts
  private readonly visited: Visited<Task>
  private readonly drafts: Drafts
  private readonly guard: Guard
  private readonly tasks = new WeakMap<Lease, Task>()
  private times: readonly number[] = []
  private finished = 0
  private said: Said = { text: "", number: 0, isShown: false }
  private isBusy = false
  private state: WorkspaceState

  constructor(parts: WorkspaceParts) {
    super()
    this.parts = parts
    this.visited = new Visited(parts.pastBefore)
    this.drafts = new Drafts(parts.project, parts.keptDrafts)
    this.guard = new Guard(parts.now, parts.project.min_view_ms)
    this.state = this.read()
    parts.feed.subscribe(() => this.refresh())
  }

  readonly snapshot = (): WorkspaceState => this.state

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

  /** To whoever does not see the page; shown as well when nothing else on the page says it. */
  say(text: string, isShown = false): void {
    this.said = { text, number: this.said.number + 1, isShown }
    this.refresh()
  }

  /** The image can be seen: its clock starts, or goes on. */
  painted(imageId: number): void {
    const { task, draft } = this.state
    if (task?.id !== imageId || !draft) return
    this.guard.show()
    if (draft.clock) draft.clock.show()
    else this.change({ clock: new Clock(this.parts.now, draft.before), before: null })
  }

  /** Another thing is asked of the image: a press that was meant for the one before is none. */
  askAnew(): void {
    this.guard.restart()
  }

  /** The clock of the image on the stage, once it is painted. */
  clock(): Clock | null {
    return this.state.draft?.clock ?? null
  }

  /** Whether the newest image has been worked on, so that it should not be taken away. */
  isFrontInWork(): boolean {
    const front = this.front()
    return this.isBusy || (front !== null && this.drafts.isTouched(front))
  }

  /** Keep the answer on this device and go on to the next image. */
  async submit(): Promise<void> {
    const isNew = !this.visited.current() || this.hasChanged() || Boolean(this.state.draft?.skipped)
    await this.goForward({ isNew, skipped: null })
  }

  async skip(reason: string): Promise<void> {
    await this.goForward({ isNew: true, skipped: reason })
  }

  async forward(): Promise<void> {
    if (this.visited.current()) await this.goForward({ isNew: this.hasChanged(), skipped: null })
    else this.say("This is the newest image.", true)
  }

  /** To the image before; a correction that was begun is saved. */
  async back(): Promise<void> {
    if (this.visited.isLoading) return
    const isNew = this.visited.current() !== null && this.hasChanged()
    if (isNew && !(await this.store(null, () => undefined))) return
    const from = this.state
    try {
      const found = this.visited.back()
      if (this.visited.isLoading) this.refresh()
      if (await found) this.moved(from)
      else this.say("There is no earlier image.", true)
    } catch {
      this.say("Earlier images cannot be loaded at the moment.", true)
    }
  }

  /** To the newest image; what was changed of an earlier one is taken back. */
  leave(): void {
    const from = this.state
    if (!this.visited.current()) return
    this.visited.toFront()
    this.moved(from)
    if (from.task) this.drafts.revert(from.task)
  }

  private async goForward(said: { isNew: boolean; skipped: string | null }): Promise<void> {
    const from = this.state
    const go = () => {
      this.visited.forward()
      this.moved(from)
    }
    if (said.isNew) await this.store(said.skipped, go)
    else go()
  }

  private hasChanged(): boolean {
    const { draft } = this.state
    return draft !== null && this.drafts.isChanged(draft)
  }

  /** Whether the answer is in the outbox. An image that could not be seen can only be skipped. */
  private async store(skipped: string | null, onStored: () => void): Promise<boolean> {
    const { task, draft } = this.state
    if (!(task && draft) || this.isBusy) return false
    if (skipped === null && !this.isMeant(draft)) return false
    this.isBusy = true
    const timing = draft.clock?.read() ?? NO_TIME
    const { project, author } = this.parts
    const body = { ...bodyOf(draft, project, skipped), lease_id: task.leaseId, timing }
    const image = { imageId: task.id, imageName: task.image.external_id }
    const about = { ...author, ...image, projectId: project.id, queuedAt: Date.now() }
    await this.parts.outbox.add({ id: this.parts.newId(), ...about, body }, () => {
      this.isBusy = false
      this.drafts.submitted(task, skipped)
      if (!this.visited.current()) this.finishFront(task, skipped ? [] : [timing.active_ms])
      onStored()
    })
    return true
  }

  /** Whether a press that would save the answer is meant; if not, the person is told why. */
  private isMeant(draft: Draft): boolean {
    const { categories } = this.parts.project
    const isEmpty = isAllAbsent(draft.history.present, categories)
    const press = this.guard.press({ isTouched: this.drafts.isChanged(draft), isEmpty })
    if (press !== "meant") this.say(press === "ask" ? askAbout(categories) : TOO_EARLY, true)
    return press === "meant"
  }

  private finishFront(task: Task, times: number[]): void {
    this.finished += 1
    this.times = [...this.times, ...times]
    this.visited.add({ ...task, leaseId: null })
    this.parts.feed.shift()
  }

  /** Looking at an image again is timed anew; the newest image waits meanwhile. */
  private moved({ task, draft, stepsBack }: WorkspaceState): void {
    if (stepsBack === 0) draft?.clock?.hide()
    else if (task) this.drafts.change(task, { clock: null })
    this.refresh()
    const now = this.state
    if (now.task)
      this.say(now.stepsBack > 0 ? `Earlier image ${now.task.image.external_id}` : "Next image")
  }

  private rewrite(change: (history: History<Sheet>) => History<Sheet>): void {
    const { task, draft } = this.state
    if (!(task && draft) || this.isBusy) return
    this.guard.isAsked = false
    this.drafts.edit(task, change(draft.history))
    this.refresh()
  }

  private change(change: Partial<Draft>): void {
    const { task } = this.state
    if (!task) return
    this.drafts.change(task, change)
    this.refresh()
  }

  private front(): Task | null {
    const lease = this.parts.feed.snapshot().queue[0]
    return lease ? this.taskOf(lease) : null
  }

  private taskOf(lease: Lease): Task {
    const task = this.tasks.get(lease) ?? taskOf(lease)
    this.tasks.set(lease, task)
    return task
  }

  private current(): Task | null {
    return this.visited.current() ?? this.front()
  }

  private read(): WorkspaceState {
    const task = this.current()
    return {
      task,
      draft: task && this.drafts.of(task),
      stepsBack: this.visited.stepsBack(),
      isLoadingPast: this.visited.isLoading,
      finished: this.finished,
      times: this.times,
      isAsked: this.guard.isAsked,
      said: this.said,
    }
  }

  private refresh(): void {
    if (this.current()?.id !== this.state.task?.id) this.guard.hide()
    this.state = this.read()
    const coming = this.parts.feed.snapshot().queue.map((lease) => this.taskOf(lease))
    const shown = this.state.task ? [this.state.task] : []
    this.parts.want([...new Set([...shown, ...coming, ...this.visited.nearby()])])
    this.notify()
  }
}

function askAbout([first, ...others]: Project["categories"]): string {
  const all = others.length === 0 ? `${first?.name} is` : `all ${others.length + 1} categories are`
  return `Nothing is ticked: this says ${all} absent. Press Enter again to save.`
}

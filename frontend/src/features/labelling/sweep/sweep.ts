import type { SweepPage, SweptImage } from "@/api/sweeps"
import { Clock } from "../loop/clock"
import type { Feed } from "../loop/feed"
import { Observable } from "../loop/observable"
import type { Outbox } from "../loop/outbox"
import { EMPTY_SHEET, isSame, type Sheet, saidOf, spoken, sumOf } from "./answers"
import type { AnsweredPage, Held } from "./pages"

/** One page with what the person has said of it. */
export type Turn = {
  readonly page: SweepPage
  readonly sheet: Sheet
  /** As it was submitted last. */
  readonly sent: Sheet | null
  /** The place of the image that keys mean. */
  readonly at: number
  /** Runs since all images of the page were painted. */
  readonly clock: Clock | null
}

export type SweepState = {
  turn: Turn | null
  /** How many pages back the one that is shown is; 0 for a new one. */
  stepsBack: number
  hasPast: boolean
  isLarge: boolean
  /** Images that were answered in this session. */
  finished: number
  said: { text: string; number: number }
}

/** The marks on the newest page, which outlive a reload. */
export type MarkStore = { read: () => Sheet; write: (sheet: Sheet) => void }

export type SweepParts = {
  author: Pick<AnsweredPage, "annotatorId" | "annotator" | "projectId">
  feed: Feed<Held>
  outbox: Outbox<AnsweredPage>
  marks: MarkStore
  /** Milliseconds that only grow. */
  now: () => number
  newId: () => string
}

const MOST_PAST = 20

/** One person's way through the pages of one category. */
export class Sweep extends Observable {
  private readonly parts: SweepParts
  private front: Turn | null = null
  private past: readonly Turn[] = []
  private stepsBack = 0
  private isLarge = false
  private isBusy = false
  private finished = 0
  private said = { text: "", number: 0 }
  private state: SweepState

  constructor(parts: SweepParts) {
    super()
    this.parts = parts
    this.state = this.read()
    parts.feed.subscribe(() => this.refresh())
    this.refresh()
  }

  readonly snapshot = (): SweepState => this.state

  /** Change the answer of an image, and make it the one that keys mean. */
  answer(image: SweptImage, change: (sheet: Sheet, image: SweptImage) => Sheet): void {
    const { turn } = this.state
    if (!turn || this.isBusy) return
    const sheet = change(turn.sheet, image)
    this.change({ sheet, at: turn.page.images.indexOf(image) })
    this.say(`${spoken(sheet, image)}. ${sumOf(saidOf(sheet, turn.page.images))}`)
  }

  /** The answer of the image that keys mean. */
  answerCurrent(change: (sheet: Sheet, image: SweptImage) => Sheet): void {
    const image = this.current()
    if (image) this.answer(image, change)
  }

  /** Change all answers that the person left alone. */
  turnRest(change: (sheet: Sheet) => Sheet): void {
    const { turn } = this.state
    if (!turn || this.isBusy) return
    const sheet = change(turn.sheet)
    this.change({ sheet })
    const sum = sumOf(saidOf(sheet, turn.page.images))
    this.say(`What you leave alone is answered ${sheet.rest}. ${sum}`)
  }

  /** The image that keys mean; null while there is no page. */
  current(): SweptImage | null {
    const { turn } = this.state
    return turn?.page.images[turn.at] ?? null
  }

  /** Let keys mean another image. */
  moveTo(at: number): void {
    const images = this.state.turn?.page.images ?? []
    if (at < 0 || at >= images.length) return
    this.change({ at })
    if (this.isLarge) this.sayImage()
  }

  enlarge(isLarge: boolean): void {
    if (isLarge === this.isLarge || (isLarge && !this.state.turn)) return
    this.isLarge = isLarge
    if (isLarge) this.sayImage()
    else this.refresh()
  }

  /** All images of a page can be seen: its clock starts, or goes on. */
  painted(pageId: string): void {
    const { turn } = this.state
    if (turn?.page.id !== pageId) return
    if (turn.clock) turn.clock.show()
    else this.change({ clock: new Clock(this.parts.now) })
  }

  /** The file of an image can not be shown: nobody can say what is on it. */
  unseen(image: SweptImage): void {
    const { turn } = this.state
    if (!turn?.page.images.includes(image) || turn.sheet.own.has(image.id)) return
    const own = new Map([...turn.sheet.own, [image.id, "unsure" as const]])
    this.change({ sheet: { ...turn.sheet, own } })
  }

  clock(): Clock | null {
    return this.state.turn?.clock ?? null
  }

  /** Whether the newest page has been worked on, so that it should not be taken away. */
  isFrontInWork(): boolean {
    return this.isBusy || (this.front?.sheet.own.size ?? 0) > 0
  }

  /** Keep the answers on this device and go on to the next page. */
  async submit(): Promise<void> {
    const { turn, stepsBack } = this.state
    if (!turn) return
    if (stepsBack > 0) await this.step(-1)
    else if (await this.store(turn)) this.finishFront(turn)
  }

  /** To the page before; a correction that was begun is saved. */
  async back(): Promise<void> {
    if (this.stepsBack < this.past.length) await this.step(1)
    else this.say("There is no page before this one.")
  }

  async forward(): Promise<void> {
    if (this.stepsBack > 0) await this.step(-1)
    else this.say("This is the newest page.")
  }

  private async step(by: 1 | -1): Promise<void> {
    const { turn, stepsBack } = this.state
    if (turn && stepsBack > 0) {
      if (this.isChanged(turn) && !(await this.store(turn))) return
      // Looking at a page again is timed anew.
      this.change({ clock: null, sent: turn.sheet })
    } else turn?.clock?.hide()
    this.stepsBack += by
    this.isLarge = false
    this.refresh()
    this.say(this.stepsBack > 0 ? "An earlier page" : "The newest page")
  }

  private isChanged({ page, sheet, sent }: Turn): boolean {
    return sent === null || !isSame(sheet, sent, page.images)
  }

  /** Whether the answers are in the outbox; a page that can not be seen yet waits. */
  private async store({ page, sheet, clock }: Turn): Promise<boolean> {
    if (this.isBusy || !clock) return false
    this.isBusy = true
    const { author, outbox, newId } = this.parts
    const name = `A page of ${page.images.length} images for ${page.category}`
    const body = { ...saidOf(sheet, page.images), timing: clock.read() }
    const about = { ...author, name, pageId: page.id, queuedAt: Date.now() }
    await outbox.add({ id: newId(), ...about, body })
    this.isBusy = false
    return true
  }

  private finishFront(turn: Turn): void {
    this.past = [...this.past, { ...turn, sent: turn.sheet, clock: null }].slice(-MOST_PAST)
    this.finished += turn.page.images.length
    this.isLarge = false
    this.parts.marks.write(EMPTY_SHEET)
    this.parts.feed.shift()
    this.say("Next page")
  }

  private sayImage(): void {
    const { turn } = this.state
    const image = this.current()
    if (turn && image) this.say(spoken(turn.sheet, image))
  }

  private say(text: string): void {
    this.said = { text, number: this.said.number + 1 }
    this.refresh()
  }

  private change(change: Partial<Turn>): void {
    const { turn } = this.state
    if (!turn) return
    const next = { ...turn, ...change }
    if (this.stepsBack > 0) this.past = this.past.map((one) => (one === turn ? next : one))
    else {
      this.front = next
      if (change.sheet) this.parts.marks.write(change.sheet)
    }
    this.refresh()
  }

  private nextFront(): Turn | null {
    const held = this.parts.feed.snapshot().queue[0]
    if (!held) return null
    if (this.front?.page === held.page) return this.front
    const { rest, own } = this.parts.marks.read()
    const ids = new Set(held.page.images.map((image) => image.id))
    const marks = new Map([...own].filter(([id]) => ids.has(id)))
    const sheet = marks.size > 0 ? { rest, own: marks } : EMPTY_SHEET
    return { page: held.page, sheet, sent: null, at: 0, clock: null }
  }

  private read(): SweepState {
    return {
      turn: (this.stepsBack > 0 ? this.past.at(-this.stepsBack) : this.front) ?? null,
      stepsBack: this.stepsBack,
      hasPast: this.stepsBack < this.past.length,
      isLarge: this.isLarge,
      finished: this.finished,
      said: this.said,
    }
  }

  private refresh(): void {
    this.front = this.nextFront()
    this.state = this.read()
    this.notify()
  }
}

import type { SweepPage, SweptImage } from "@/api/sweeps"
import { Clock } from "@/lib/clock"
import { Guard } from "../loop/guard"
import { Observable } from "../loop/observable"
import type { Said } from "../loop/workspace-state"
import { idsByAnswer, isSame, type Marks, NO_MARKS, spoken, sumOf, withAnswer } from "./marks"
import type { SweepParts, SweepState, Turn } from "./sweep-state"

const MOST_PAST = 20
const TOO_EARLY = "These images have only just come. Press again."

/** One person's way through the pages of one category. */
export class Sweep extends Observable {
  private readonly parts: SweepParts
  private readonly guard: Guard
  private front: Turn | null = null
  private past: readonly Turn[] = []
  private stepsBack = 0
  private isLarge = false
  private isBusy = false
  private finished = 0
  private said: Said = { text: "", number: 0, isShown: false }
  private state: SweepState

  constructor(parts: SweepParts) {
    super()
    this.parts = parts
    this.guard = new Guard(parts.now, parts.leastMs)
    this.state = this.read()
    parts.feed.subscribe(() => this.refresh())
    this.refresh()
  }

  readonly snapshot = (): SweepState => this.state

  /** Change the answer of an image, and make it the one that keys mean. */
  answer(image: SweptImage, change: (marks: Marks, image: SweptImage) => Marks): void {
    const { turn } = this.state
    if (!turn || this.isBusy) return
    const marks = change(turn.marks, image)
    this.change({ marks, at: turn.page.images.indexOf(image) })
    this.say(`${spoken(marks, image)}. ${sumOf(idsByAnswer(marks, turn.page.images))}`)
  }

  /** The answer of the image that keys mean. */
  answerCurrent(change: (marks: Marks, image: SweptImage) => Marks): void {
    const image = this.current()
    if (image) this.answer(image, change)
  }

  /** Change all answers that the person left alone. */
  turnRest(change: (marks: Marks) => Marks): void {
    const { turn } = this.state
    if (!turn || this.isBusy) return
    const marks = change(turn.marks)
    this.change({ marks })
    const sum = sumOf(idsByAnswer(marks, turn.page.images))
    this.say(`What you leave alone is answered ${marks.rest}. ${sum}`)
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
    this.guard.show()
    if (turn.clock) turn.clock.show()
    else this.change({ clock: new Clock(this.parts.now) })
  }

  /** The file of an image can not be shown: nobody can say what is on it. */
  unseen(image: SweptImage): void {
    const { turn } = this.state
    if (!turn?.page.images.includes(image) || turn.marks.own.has(image.id)) return
    const doubting = (marks: Marks) => withAnswer(marks, image, "unsure")
    this.change({ marks: doubting(turn.marks), start: doubting(turn.start) })
  }

  /** A press that was meant for something over the page is none for the page. */
  askAnew(): void {
    this.guard.restart()
  }

  clock(): Clock | null {
    return this.state.turn?.clock ?? null
  }

  /** Whether the newest page has been worked on, so that it should not be taken away. */
  isFrontInWork(): boolean {
    return this.isBusy || (this.front?.marks.own.size ?? 0) > 0
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
      this.change({ clock: null, sent: turn.marks })
    } else turn?.clock?.hide()
    this.stepsBack += by
    this.isLarge = false
    this.refresh()
    this.say(this.stepsBack > 0 ? "An earlier page" : "The newest page")
  }

  private isChanged({ page, marks, sent }: Turn): boolean {
    return sent === null || !isSame(marks, sent, page.images)
  }

  /** Whether the answers are in the outbox; a page that can not be seen yet waits. */
  private async store(turn: Turn): Promise<boolean> {
    const { page, marks, clock } = turn
    if (this.isBusy || !this.isMeant(turn) || !clock) return false
    this.isBusy = true
    const { author, outbox, newId } = this.parts
    const name = `A page of ${page.images.length} images for ${page.category}`
    const body = { ...idsByAnswer(marks, page.images), timing: clock.read() }
    const about = { ...author, name, pageId: page.id, queuedAt: Date.now() }
    await outbox.add({ id: newId(), ...about, body })
    this.isBusy = false
    return true
  }

  /** Whether a press that would save the page is meant; if not, the person is told why. */
  private isMeant({ page, marks, start }: Turn): boolean {
    const isTouched = !isSame(marks, start, page.images)
    const isEmpty = idsByAnswer(marks, page.images).present.length === 0
    const press = this.guard.press({ isTouched, isEmpty })
    if (press !== "meant") this.say(press === "ask" ? askAbout(page) : TOO_EARLY, true)
    return press === "meant"
  }

  private finishFront(turn: Turn): void {
    this.past = [...this.past, { ...turn, sent: turn.marks, clock: null }].slice(-MOST_PAST)
    this.finished += turn.page.images.length
    this.isLarge = false
    this.parts.marks.write(NO_MARKS)
    this.parts.feed.shift()
    this.say("Next page")
  }

  private sayImage(): void {
    const { turn } = this.state
    const image = this.current()
    if (turn && image) this.say(spoken(turn.marks, image))
  }

  private say(text: string, isShown = false): void {
    this.said = { text, number: this.said.number + 1, isShown }
    this.refresh()
  }

  private change(change: Partial<Turn>): void {
    const { turn } = this.state
    if (!turn) return
    if (change.marks) this.guard.isAsked = false
    const next = { ...turn, ...change }
    if (this.stepsBack > 0) this.past = this.past.map((one) => (one === turn ? next : one))
    else {
      this.front = next
      if (change.marks) this.parts.marks.write(change.marks)
    }
    this.refresh()
  }

  private nextFront(): Turn | null {
    const held = this.parts.feed.snapshot().queue[0]
    if (!held) return null
    if (this.front?.page === held.page) return this.front
    const { rest, own } = this.parts.marks.read()
    const ids = new Set(held.page.images.map((image) => image.id))
    const known = new Map([...own].filter(([id]) => ids.has(id)))
    const marks = known.size > 0 ? { rest, own: known } : NO_MARKS
    return { page: held.page, marks, start: NO_MARKS, sent: null, at: 0, clock: null }
  }

  private shown(): Turn | null {
    return (this.stepsBack > 0 ? this.past.at(-this.stepsBack) : this.front) ?? null
  }

  private read(): SweepState {
    return {
      turn: this.shown(),
      stepsBack: this.stepsBack,
      hasPast: this.stepsBack < this.past.length,
      isLarge: this.isLarge,
      finished: this.finished,
      isAsked: this.guard.isAsked,
      said: this.said,
    }
  }

  private refresh(): void {
    this.front = this.nextFront()
    if (this.shown()?.page.id !== this.state.turn?.page.id) this.guard.hide()
    this.state = this.read()
    this.notify()
  }
}

const askAbout = ({ category, images }: SweepPage): string =>
  `Nothing is marked: this says ${category} is in none of the ${images.length} images. Press Enter again to save.`

import type { SweepPage, SweptImage } from "@/api/sweeps"
import { type Sending, type Standing, WorkQueue } from "../loop/work-queue"
import { idsByAnswer, isSame, type Marks, NO_MARKS, spoken, sumOf, withAnswer } from "./marks"
import type { SweepParts, SweepState, Turn } from "./sweep-state"

const MOST_PAST = 20

/** One person's way through the pages of one category. */
export class Sweep extends WorkQueue<SweepPage, SweepState> {
  private readonly parts: SweepParts
  private readonly turns = new WeakMap<SweepPage, Turn>()
  private isLarge = false
  private finished = 0

  constructor(parts: SweepParts) {
    super({ ...parts, mostPast: MOST_PAST })
    this.parts = parts
  }

  /** Change the answer of an image, and make it the one that keys mean. */
  answer(image: SweptImage, change: (marks: Marks, image: SweptImage) => Marks): void {
    this.rewrite(({ page, marks: before }) => {
      const marks = change(before, image)
      this.say(`${spoken(marks, image)}. ${sumOf(idsByAnswer(marks, page.images))}`)
      return { marks, at: page.images.indexOf(image) }
    })
  }

  /** The answer of the image that keys mean. */
  answerCurrent(change: (marks: Marks, image: SweptImage) => Marks): void {
    const image = this.currentImage()
    if (image) this.answer(image, change)
  }

  /** Change all answers that the person left alone. */
  turnRest(change: (marks: Marks) => Marks): void {
    this.rewrite(({ page, marks: before }) => {
      const marks = change(before)
      const sum = sumOf(idsByAnswer(marks, page.images))
      this.say(`What you leave alone is answered ${marks.rest}. ${sum}`)
      return { marks }
    })
  }

  /** Let keys mean another image. */
  moveTo(at: number): void {
    const { turn } = this.snapshot()
    if (!turn?.page.images[at]) return
    this.turns.set(turn.page, { ...turn, at })
    this.refresh()
    if (this.isLarge) this.sayImage()
  }

  enlarge(isLarge: boolean): void {
    if (isLarge === this.isLarge || (isLarge && !this.current())) return
    this.isLarge = isLarge
    if (isLarge) this.sayImage()
    else this.refresh()
  }

  /** The file of an image can not be shown: nobody can say what is on it. */
  unseen(image: SweptImage): void {
    const { turn } = this.snapshot()
    if (!turn?.page.images.includes(image) || turn.marks.own.has(image.id)) return
    const doubting = (marks: Marks) => withAnswer(marks, image, "unsure")
    this.rewrite(({ marks, start }) => ({ marks: doubting(marks), start: doubting(start) }))
  }

  /** Keep the answers on this device and go on to the next page. */
  async submit(): Promise<void> {
    await this.goOn()
  }

  /** To the page before; a correction that was begun is saved. */
  async back(): Promise<void> {
    if (this.snapshot().hasPast) await this.goBack()
    else this.say("There is no page before this one.")
  }

  async forward(): Promise<void> {
    if (this.visited.current()) await this.goOn()
    else this.say("This is the newest page.")
  }

  protected coming(): SweepPage[] {
    return this.parts.feed.snapshot().queue.map(({ page }) => page)
  }

  protected form(page: SweepPage) {
    const { marks, start, sent } = this.turnOf(page)
    return {
      isChanged: sent === null || !isSame(marks, sent, page.images),
      isTouched: !isSame(marks, start, page.images),
      isEmpty: idsByAnswer(marks, page.images).present.length === 0,
      isBegun: marks.own.size > 0,
    }
  }

  protected timeBefore() {
    return null
  }

  protected async send(page: SweepPage, { timing, isNewest, onKept }: Sending): Promise<void> {
    const { author, outbox, newId } = this.parts
    const { marks } = this.turnOf(page)
    const name = `A page of ${page.images.length} images for ${page.category}`
    const body = { ...idsByAnswer(marks, page.images), timing }
    const about = { ...author, name, pageId: page.id, queuedAt: Date.now() }
    await outbox.add({ id: newId(), ...about, body }, () => {
      this.turns.set(page, { ...this.turnOf(page), sent: marks })
      if (isNewest) {
        this.finished += page.images.length
        this.parts.marks.write(NO_MARKS)
      }
      onKept()
    })
  }

  protected arrival(isNext: boolean): string {
    this.isLarge = false
    if (this.visited.current()) return "An earlier page"
    return isNext ? "Next page" : "The newest page"
  }

  protected refusal(press: "early" | "ask", { category, images }: SweepPage): string {
    return press === "early"
      ? "These images have only just come. Press again."
      : `Nothing is marked: this says ${category} is in none of the ${images.length} images. Press Enter again to save.`
  }

  protected read(standing: Standing): SweepState {
    const page = this.current()
    const turn = page && this.turnOf(page)
    return { ...standing, turn, isLarge: this.isLarge, finished: this.finished }
  }

  /** The image that keys mean; null while there is no page. */
  private currentImage(): SweptImage | null {
    const { turn } = this.snapshot()
    return turn?.page.images[turn.at] ?? null
  }

  private sayImage(): void {
    const { turn } = this.snapshot()
    const image = this.currentImage()
    if (turn && image) this.say(spoken(turn.marks, image))
  }

  private rewrite(change: (turn: Turn) => Partial<Turn>): void {
    this.change((page) => {
      const before = this.turnOf(page)
      const turn = { ...before, ...change(before) }
      this.turns.set(page, turn)
      if (!this.visited.current()) this.parts.marks.write(turn.marks)
    })
  }

  private turnOf(page: SweepPage): Turn {
    const turn = this.turns.get(page) ?? this.begun(page)
    this.turns.set(page, turn)
    return turn
  }

  /** With the marks that were kept of it. */
  private begun(page: SweepPage): Turn {
    const { rest, own } = this.parts.marks.read()
    const ids = new Set(page.images.map((image) => image.id))
    const known = new Map([...own].filter(([id]) => ids.has(id)))
    const marks = known.size > 0 ? { rest, own: known } : NO_MARKS
    return { page, marks, start: NO_MARKS, sent: null, at: 0 }
  }
}

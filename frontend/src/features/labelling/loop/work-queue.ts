import { Clock, NO_TIME, type Timing } from "@/lib/clock"
import type { Feed, Leased } from "./feed"
import { type Form, Guard } from "./guard"
import { Observable } from "./observable"
import { Visited, type VisitedParts } from "./visited"

/** A message for the person; each is new even with the same words. */
export type Message = { text: string; number: number; isShown: boolean }

/** Where a person stands in their work. */
export type Standing = {
  /** How many items back the one in work is; 0 for the newest. */
  stepsBack: number
  hasPast: boolean
  /** Whether it can be seen, so that its clock runs. */
  isPainted: boolean
  /** Whether the next press saves a form that says nothing, which the person has been told. */
  isAsked: boolean
  message: Message
}

type QueueParts<Item> = VisitedParts<Item> & {
  feed: Feed<Leased>
  /** For how long an item must have been seen before it can be answered, in milliseconds. */
  leastMs: number
  /** Milliseconds that only grow. */
  now: () => number
}

export type Sending = {
  /** Why the item is skipped; null for an answer. */
  skipped: string | null
  timing: Timing
  /** False for a correction. */
  isNewest: boolean
  /** To be called in the moment in which this device has a copy. */
  onKept: () => void
}

type Identified = { id: number | string }

/** One person's way through work of one kind: the item in work, those to come, those behind. */
export abstract class WorkQueue<Item extends Identified, State> extends Observable {
  private readonly feed: Feed<Leased>
  private readonly now: () => number
  /** The items behind; none of them is `current` while the newest one is in work. */
  protected readonly visited: Visited<Item>
  private readonly guard: Guard
  private readonly clocks = new Map<Item["id"], Clock>()
  private isBusy = false
  private message: Message = { text: "", number: 0, isShown: false }
  private shown: Item["id"] | undefined
  private state: State | null = null

  constructor(parts: QueueParts<Item>) {
    super()
    this.feed = parts.feed
    this.now = parts.now
    this.visited = new Visited(parts)
    this.guard = new Guard(parts.now, parts.leastMs)
    parts.feed.subscribe(() => this.refresh())
  }

  /** What the server has handed out, the newest item first. */
  protected abstract coming(): Item[]
  /** What is said of an item: `isChanged` since it was sent, `isBegun` at all. */
  protected abstract form(item: Item): Form & { isChanged: boolean; isBegun: boolean }
  /** The time that an item had taken when the page was left; asked for once. */
  protected abstract timeBefore(item: Item): Timing | null
  protected abstract send(item: Item, sending: Sending): Promise<void>
  /** What to say of the item that is shown now; `isNext` after the newest one was sent. */
  protected abstract arrival(isNext: boolean): string | null
  /** Why a press saves nothing: the item has only just come, or nothing is said of it. */
  protected abstract refusal(press: "early" | "ask", item: Item): string
  protected abstract read(standing: Standing): State

  readonly snapshot = (): State => {
    this.state ??= this.read({
      stepsBack: this.visited.stepsBack(),
      hasPast: this.visited.hasPast(),
      isPainted: this.clock() !== null,
      isAsked: this.guard.isAsked,
      message: this.message,
    })
    return this.state
  }

  /** To whoever does not see the page; shown as well when nothing else on the page says it. */
  say(text: string, isShown = false): void {
    this.message = { text, number: this.message.number + 1, isShown }
    this.refresh()
  }

  /** The item can be seen: its clock starts, or goes on. */
  painted(id: Item["id"]): void {
    const item = this.current()
    if (item?.id !== id) return
    this.guard.show()
    const clock = this.clocks.get(id)
    if (clock) clock.show()
    else {
      this.clocks.set(id, new Clock(this.now, this.timeBefore(item)))
      this.refresh()
    }
  }

  /** Another thing is asked of the item: a press that was meant for the one before is none. */
  askAnew(): void {
    this.guard.restart()
  }

  /** The clock of the item in work, once it is painted. */
  clock(): Clock | null {
    const item = this.current()
    return (item && this.clocks.get(item.id)) ?? null
  }

  /** Whether the newest item has been worked on, so that it should not be taken away. */
  isFrontInWork(): boolean {
    const [newest] = this.coming()
    return this.isBusy || (newest !== undefined && this.form(newest).isBegun)
  }

  /** The item in work: one that was gone back to, or the newest. */
  protected current(): Item | null {
    return this.visited.current() ?? this.coming()[0] ?? null
  }

  /** Change what is said of the item in work, unless that is on its way already. */
  protected change(change: (item: Item) => void): void {
    const item = this.current()
    if (!item || this.isBusy) return
    this.guard.isAsked = false
    change(item)
    this.refresh()
  }

  /** Whether the answer in work is new, or another one than was sent. */
  protected isUnsent(): boolean {
    const item = this.current()
    return !this.visited.current() || (item !== null && this.form(item).isChanged)
  }

  /** On to the next item; what `isUnsent` is kept on this device first. */
  protected async goOn(isUnsent = this.isUnsent(), skipped: string | null = null): Promise<void> {
    const leave = this.leaving()
    const go = () => {
      this.visited.forward()
      leave()
    }
    if (isUnsent) await this.store(skipped, go)
    else go()
  }

  /** To the item before; a correction that was begun is saved. False: there is none. */
  protected async goBack(): Promise<boolean> {
    if (this.visited.isLoading) return true
    const isCorrection = this.visited.current() !== null && this.isUnsent()
    if (isCorrection && !(await this.store(null, () => undefined))) return true
    const leave = this.leaving()
    const isFound = await this.visited.back()
    if (isFound) leave()
    return isFound
  }

  protected goToNewest(): void {
    const leave = this.leaving()
    this.visited.toFront()
    leave()
  }

  protected refresh(): void {
    const id = this.current()?.id
    if (id !== this.shown) this.guard.hide()
    this.shown = id
    this.state = null
    this.notify()
  }

  /** Whether the answer is in the outbox. An item that could not be seen can only be skipped. */
  private async store(skipped: string | null, onStored: () => void): Promise<boolean> {
    const item = this.current()
    if (!item || this.isBusy) return false
    const press = skipped === null ? this.guard.press(this.form(item)) : "meant"
    if (press !== "meant") {
      this.say(this.refusal(press, item), true)
      return false
    }
    this.isBusy = true
    const isNewest = !this.visited.current()
    const timing = this.clock()?.read() ?? NO_TIME
    const onKept = () => {
      this.isBusy = false
      this.clocks.delete(item.id)
      if (isNewest) {
        this.visited.add(item)
        this.feed.shift()
      }
      onStored()
    }
    await this.send(item, { skipped, timing, isNewest, onKept })
    return true
  }

  /** Leaves the item that is in work now: seen again it is timed anew; the newest one waits. */
  private leaving(): () => void {
    const item = this.current()
    const isNewest = !this.visited.current()
    return () => {
      if (item && isNewest) this.clocks.get(item.id)?.hide()
      else if (item) this.clocks.delete(item.id)
      this.refresh()
      const text = this.arrival(isNewest)
      if (text !== null) this.say(text)
    }
  }
}

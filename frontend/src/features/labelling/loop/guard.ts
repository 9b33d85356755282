/** A form that a press would save. */
export type Form = {
  /** Whether the person has changed it. */
  isTouched: boolean
  /** Whether it says nothing but "absent". */
  isEmpty: boolean
}

/**
 * Tells a press that is meant for what can be seen now from one that was meant for what stood there
 * before: the second half of a double press, a key that is held down, a bouncing switch. An empty
 * form that nobody touched wants a second press, which is meant for the question.
 */
export class Guard {
  private readonly now: () => number
  private readonly leastMs: number
  private since: number | null = null
  private pressedAt = Number.NEGATIVE_INFINITY
  /** Whether the person has been asked if the empty form is meant. */
  isAsked = false

  /** `leastMs`: for how long something must have been seen before a press can be meant for it. */
  constructor(now: () => number, leastMs: number) {
    this.now = now
    this.leastMs = leastMs
  }

  /** It can be seen: from now, unless it could before. */
  show(): void {
    this.since ??= this.now()
  }

  /** Something else takes its place, which can not be seen yet. */
  hide(): void {
    this.since = null
    this.isAsked = false
  }

  /** What is asked now is new, on what can be seen already. */
  restart(): void {
    if (this.since !== null) this.since = this.now()
  }

  /** A press that would save: it is `meant`, came too `early`, or the person is to be asked. */
  press({ isTouched, isEmpty }: Form): "meant" | "early" | "ask" {
    if (this.isEarly(isTouched)) return this.isAsked ? "ask" : "early"
    if (isTouched || !isEmpty || this.isAsked) return "meant"
    this.isAsked = true
    this.restart()
    return "ask"
  }

  /** Of a form as it came, the press before counts too: some keyboards repeat a key in presses. */
  private isEarly(isTouched: boolean): boolean {
    const { since, pressedAt } = this
    const now = this.now()
    this.pressedAt = now
    if (since === null) return true
    return now - (isTouched ? since : Math.max(since, pressedAt)) < this.leastMs
  }
}

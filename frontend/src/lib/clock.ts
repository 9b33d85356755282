/** One moment on the clock of an image, in milliseconds since it was painted. */
export type ClockEvent = {
  at: number
  kind: "input" | "hidden" | "visible" | "wait-start" | "wait-end"
}
export type Timing = { wall_ms: number; active_ms: number; events: ClockEvent[] }

/** Of what could not be seen. */
export const NO_TIME: Timing = { wall_ms: 0, active_ms: 0, events: [] }

/** A gap between two inputs counts up to this long. */
const IDLE_AFTER_MS = 10_000
const BURST_MS = 250
const MOST_EVENTS = 5000

/**
 * The time that a person really worked: `wallMs` less hidden and waiting time, less the part
 * beyond ten seconds of every gap between inputs. Painting and submitting count as inputs.
 */
export function activeTime(wallMs: number, events: readonly ClockEvent[]): number {
  let active = 0
  let gap = 0
  let since = 0
  let hidden = false
  let waiting = false
  for (const { at, kind } of [...events, { at: wallMs, kind: "input" as const }]) {
    if (!(hidden || waiting)) gap += at - since
    since = at
    if (kind === "input") {
      active += Math.min(gap, IDLE_AFTER_MS)
      gap = 0
    } else if (kind === "hidden" || kind === "visible") hidden = kind === "hidden"
    else waiting = kind === "wait-start"
  }
  return active
}

/**
 * Runs from the moment an image is painted until its label is submitted.
 *
 * Of a burst of inputs only its first, its last and one each 250 ms are kept: every gap that
 * is longer has both its ends in the trail, so the active time is exact.
 */
export class Clock {
  private readonly now: () => number
  private readonly startedAt: number
  private events: ClockEvent[]
  private lastKept: number | null = null
  private unkept: number | null = null
  private isAway = false
  private isWaiting = false
  private latest = 0

  /** Goes on from `before`, the time that the image had taken when the page was left. */
  constructor(now: () => number, before: Timing | null = null) {
    this.now = now
    this.startedAt = now() - (before?.wall_ms ?? 0)
    this.events = [...(before?.events ?? [])]
  }

  input(): void {
    const at = this.elapsed()
    if (this.unkept !== null && at - this.unkept > BURST_MS) this.keepInput(this.unkept)
    if (this.lastKept === null || at - this.lastKept >= BURST_MS) this.keepInput(at)
    else this.unkept = at
  }

  /** The image can not be seen: the tab is hidden, or another image is on the stage. */
  hide(): void {
    if (this.isAway) return
    this.isAway = true
    this.mark("hidden")
  }

  show(): void {
    if (!this.isAway) return
    this.isAway = false
    this.mark("visible")
  }

  /** The person can not go on because something of ours is still loading. */
  startWait(): void {
    if (this.isWaiting) return
    this.isWaiting = true
    this.mark("wait-start")
  }

  endWait(): void {
    if (!this.isWaiting) return
    this.isWaiting = false
    this.mark("wait-end")
  }

  /** What the clock says now; it runs on. */
  read(): Timing {
    const wall = this.elapsed()
    const last = this.unkept === null ? [] : [{ at: this.unkept, kind: "input" as const }]
    const events = thinned([...this.events, ...last], MOST_EVENTS)
    return { wall_ms: wall, active_ms: activeTime(wall, events), events }
  }

  private mark(kind: ClockEvent["kind"]): void {
    if (this.unkept !== null) this.keepInput(this.unkept)
    this.events.push({ at: this.elapsed(), kind })
  }

  private keepInput(at: number): void {
    this.events.push({ at, kind: "input" })
    this.lastKept = at
    this.unkept = null
  }

  /** Never less than before: not every machine's clock keeps its word after a sleep. */
  private elapsed(): number {
    this.latest = Math.max(this.latest, Math.round(this.now() - this.startedAt))
    return this.latest
  }
}

/** Drop inputs that lie between two others within the idle limit: the active time stays. */
function thinned(events: ClockEvent[], most: number): ClockEvent[] {
  if (events.length <= most) return events
  const kept: ClockEvent[] = []
  events.forEach((event, index) => {
    const before = kept.at(-1)
    const after = events[index + 1]
    const isBetween = [before, event, after].every((one) => one?.kind === "input")
    const span = (after?.at ?? 0) - (before?.at ?? 0)
    if (!(isBetween && span <= IDLE_AFTER_MS)) kept.push(event)
  })
  return kept.slice(0, most)
}

const INPUTS = ["keydown", "pointerdown", "pointermove", "wheel"] as const

/** Whatever a person does counts as input on the clock; returns how to end that. */
export function noteInputs(timed: { clock: () => Clock | null }): () => void {
  const note = () => timed.clock()?.input()
  for (const kind of INPUTS) window.addEventListener(kind, note, { passive: true })
  return () => {
    for (const kind of INPUTS) window.removeEventListener(kind, note)
  }
}

/** Longer without input is a break. */
const PAUSE_MS = 5 * 60_000
const WORK_MS = 50 * 60_000
const SILENT_MS = 60 * 60_000

/** Knows when a break would do good: after 50 minutes of work, and at most once an hour. */
export class Breaks {
  private worked = 0
  private last: number | null = null
  private dismissedAt: number | null = null

  /** Something was done, at a time in milliseconds that only grows. Whether a break is due. */
  input(at: number): boolean {
    const gap = this.last === null ? 0 : at - this.last
    this.last = at
    this.worked = gap > PAUSE_MS ? 0 : this.worked + gap
    const isSilent = this.dismissedAt !== null && at - this.dismissedAt < SILENT_MS
    return this.worked >= WORK_MS && !isSilent
  }

  dismiss(at: number): void {
    this.dismissedAt = at
  }
}

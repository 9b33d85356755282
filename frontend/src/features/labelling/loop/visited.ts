/** Own labelled images before the cursor, newest first; null: the newest. */
export type PastBefore<Task> = (
  cursor: string | null,
) => Promise<{ tasks: readonly Task[]; next: string | null }>

export type VisitedParts<Task> = {
  pastBefore?: PastBefore<Task>
  /** So many images can be gone back to. */
  mostPast?: number
}

/** The images behind, oldest first, and where among them a person stands. */
export class Visited<Task extends { id: number | string }> {
  private readonly parts: VisitedParts<Task>
  private past: readonly Task[] = []
  private at: number | null = null
  private cursor: string | null = null
  private isAll = false
  isLoading = false

  constructor(parts: VisitedParts<Task>) {
    this.parts = parts
  }

  /** The image that was gone back to; null at the front, where new images are. */
  current(): Task | null {
    return this.at === null ? null : (this.past[this.at] ?? null)
  }

  /** Whether one can go back among those that are known. */
  hasPast(): boolean {
    return (this.at ?? this.past.length) > 0
  }

  stepsBack(): number {
    return this.at === null ? 0 : this.past.length - this.at
  }

  /** Images that one may want to see soon: beside the current one, or the last ones. */
  nearby(): Task[] {
    const at = this.at ?? this.past.length
    return [this.past[at - 1], this.past[at + 1], this.past[at - 2]].filter((task) => !!task)
  }

  /** An image is done with at the front. */
  add(task: Task): void {
    const past = [...this.past.filter((other) => other.id !== task.id), task]
    this.past = past.slice(-(this.parts.mostPast ?? past.length))
  }

  /** One image further back, asking for older ones when these are used up. False: none is left. */
  async back(): Promise<boolean> {
    if (!this.hasPast()) await this.loadOlder()
    const next = (this.at ?? this.past.length) - 1
    if (next < 0) return false
    this.at = next
    return true
  }

  forward(): void {
    const next = (this.at ?? this.past.length) + 1
    this.at = next >= this.past.length ? null : next
  }

  toFront(): void {
    this.at = null
  }

  private async loadOlder(): Promise<void> {
    const { pastBefore } = this.parts
    if (!pastBefore || this.isAll || this.isLoading) return
    this.isLoading = true
    try {
      const { tasks, next } = await pastBefore(this.cursor)
      const known = new Set(this.past.map((task) => task.id))
      const more = tasks.filter((task) => !known.has(task.id)).toReversed()
      this.past = [...more, ...this.past]
      if (this.at !== null) this.at += more.length
      this.cursor = next
      this.isAll = next === null
    } finally {
      this.isLoading = false
    }
  }
}

import { messageOf } from "@/api/client"
import { Observable } from "./observable"

export type Leased = { id: string; image: { id: number } }

export type FeedState<Lease> = {
  /** Held images, the next one first. */
  queue: readonly Lease[]
  /** Whether the server had nothing more when it was last asked. */
  isDry: boolean
  /** Why no images come; null while all is well. */
  obstacle: "unreachable" | "signed-out" | null
  /** The server's words when asking again would not help. */
  problem: string | null
}

export type FeedParts<Lease> = {
  /** How many images are to be held now. */
  ahead: () => number
  take: (count: number) => Promise<Lease[]>
  /** The leases that are lost. */
  renew: (ids: readonly string[]) => Promise<readonly string[]>
  release: (ids: readonly string[]) => void
  /** Images whose label is still on its way are not shown again. */
  isOnItsWay: (imageId: number) => boolean
  isPassing: (error: unknown) => boolean
  isSignedOut: (error: unknown) => boolean
  /** Whether this person holds as many as they may. */
  isFull: (error: unknown) => boolean
  later: (run: () => void, ms: number) => () => void
}

/** The server looks at each image before it hands it out, and refuses more than one may hold. */
const MOST_AT_ONCE = 5
const ASK_AGAIN_MS = 3000
const ASK_AGAIN_WHEN_DRY_MS = 15_000

/** Keeps some leased images ahead, and their leases alive. */
export class Feed<Lease extends Leased> extends Observable {
  private readonly parts: FeedParts<Lease>
  private state: FeedState<Lease> = { queue: [], isDry: false, obstacle: null, problem: null }
  private isAsking = false
  private isClosed = false
  private callOff: () => void = () => undefined

  constructor(parts: FeedParts<Lease>) {
    super()
    this.parts = parts
  }

  readonly snapshot = (): FeedState<Lease> => this.state

  /** Ask for as many images as are missing. */
  async fill(): Promise<void> {
    if (this.isAsking) return
    this.isAsking = true
    this.callOff()
    try {
      let mayHaveMore = true
      while (mayHaveMore) {
        const missing = this.parts.ahead() - this.state.queue.length
        if (missing <= 0 || this.isClosed) break
        mayHaveMore = this.received(await this.parts.take(Math.min(missing, MOST_AT_ONCE)))
      }
    } catch (error) {
      this.refused(error)
    } finally {
      this.isAsking = false
    }
  }

  /** The first image is done with; the others move up. */
  shift(): void {
    this.change({ queue: this.state.queue.slice(1) })
    if (!this.state.isDry) void this.fill()
  }

  /** Renew all leases. Of the lost ones only the first is kept, and only if it is in work. */
  async beat(isFirstInWork: boolean): Promise<void> {
    const held = this.state.queue
    if (held.length === 0) return
    const gone = await this.parts.renew(held.map((lease) => lease.id))
    const lost = new Set(held.filter((lease) => gone.includes(lease.id)))
    if (isFirstInWork && held[0]) lost.delete(held[0])
    if (lost.size === 0) return
    this.change({ queue: this.state.queue.filter((lease) => !lost.has(lease)) })
    void this.fill()
  }

  /** Give everything back: the page is being left. */
  close(): void {
    this.isClosed = true
    this.callOff()
    this.giveBack(this.state.queue)
    this.change({ queue: [] })
  }

  /** The page was left and came back. */
  open(): void {
    this.isClosed = false
    void this.fill()
  }

  /** Whether asking on may bring more. */
  private received(leases: Lease[]): boolean {
    if (this.isClosed) {
      this.giveBack(leases)
      return false
    }
    const fresh = leases.filter((lease) => !this.isKnown(lease))
    const isDry = leases.length === 0
    const queue = [...this.state.queue, ...fresh]
    this.change({ queue, isDry, obstacle: null, problem: null })
    if (isDry) this.callOff = this.parts.later(() => void this.fill(), ASK_AGAIN_WHEN_DRY_MS)
    return fresh.length > 0
  }

  private giveBack(leases: readonly Lease[]): void {
    if (leases.length > 0) this.parts.release(leases.map((lease) => lease.id))
  }

  private isKnown(lease: Lease): boolean {
    const isQueued = this.state.queue.some((one) => one.image.id === lease.image.id)
    return isQueued || this.parts.isOnItsWay(lease.image.id)
  }

  private refused(error: unknown): void {
    if (this.parts.isSignedOut(error)) this.change({ obstacle: "signed-out" })
    else if (this.parts.isFull(error)) {
      this.change({ isDry: this.state.queue.length === 0, obstacle: null, problem: null })
      this.callOff = this.parts.later(() => void this.fill(), ASK_AGAIN_MS)
    } else if (this.parts.isPassing(error)) {
      this.change({ obstacle: "unreachable" })
      this.callOff = this.parts.later(() => void this.fill(), ASK_AGAIN_MS)
    } else {
      this.change({ problem: messageOf(error) })
      this.callOff = this.parts.later(() => void this.fill(), ASK_AGAIN_WHEN_DRY_MS)
    }
  }

  private change(change: Partial<FeedState<Lease>>): void {
    this.state = { ...this.state, ...change }
    this.notify()
  }
}

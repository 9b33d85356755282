import type { Schemas } from "@/api/client"
import { Observable } from "./observable"

export type LabelIn = Schemas["LabelIn"]

/** Something of one person's that is on its way to the server. */
export type Kept = {
  /** Sent again, it is still one. */
  id: string
  annotatorId: number
  /** By which others at this device know whose it is. */
  annotator?: string
  projectId: number
  body: { lease_id?: string | null }
  queuedAt: number
  /** Why the server will not take it; it then waits for the person, not for the network. */
  refusal?: string
}

/** One submitted label; its id is the Idempotency-Key. */
export type Parcel = Kept & { imageId: number; imageName: string; body: LabelIn }

/** What came of sending a parcel. */
export type Verdict =
  | { kind: "saved" }
  | { kind: "unreachable"; afterMs?: number }
  | { kind: "signed-out" }
  | { kind: "lease-lost" }
  | { kind: "refused"; reason: string }

/** Where parcels outlive the page. */
export type ParcelStore<P extends Kept = Parcel> = {
  /** Everybody's who labels at this device. */
  all: () => Promise<P[]>
  put: (parcel: P) => Promise<void>
  has: (id: string) => Promise<boolean>
  remove: (id: string) => Promise<void>
}

export type OutboxState<P extends Kept = Parcel> = {
  /** Not yet acknowledged by the server, oldest first. */
  waiting: readonly P[]
  /** Not accepted by the server, until the person has read why. */
  refused: readonly P[]
  /** Those of other people, which wait until they sign in here again. */
  others: readonly P[]
  /** What keeps the first one waiting. */
  obstacle: "unreachable" | "signed-out" | null
  /** Whether it is known what an earlier page left behind. */
  isLoaded: boolean
  /** Whether this device could not keep a copy, so that closing the page would lose it. */
  isFragile: boolean
}

export type OutboxParts<P extends Kept = Parcel> = {
  annotatorId: number
  store: ParcelStore<P>
  send: (parcel: P) => Promise<Verdict>
  /** Runs the task when no other tab of this browser runs one. */
  exclusively: (task: () => Promise<void>) => Promise<void>
  /** Calls back later; returns how to call it off. */
  later: (run: () => void, ms: number) => () => void
}

const EMPTY: OutboxState<never> = {
  waiting: [],
  refused: [],
  others: [],
  obstacle: null,
  isLoaded: false,
  isFragile: false,
}
const FIRST_PAUSE_MS = 1000
const LONGEST_PAUSE_MS = 30_000

/** Sends labels in the order they were given, each until the server has answered for it. */
export class Outbox<P extends Kept = Parcel> extends Observable {
  private readonly parts: OutboxParts<P>
  private state: OutboxState<P> = EMPTY
  private failures = 0
  private isSending = false
  private isClosed = false
  private callOff: () => void = () => undefined

  constructor(parts: OutboxParts<P>) {
    super()
    this.parts = parts
  }

  readonly snapshot = (): OutboxState<P> => this.state

  /** Take up what an earlier page left behind. */
  async load(): Promise<void> {
    const everybodys = await this.parts.store.all().catch(() => [])
    const isOwn = (parcel: P) => parcel.annotatorId === this.parts.annotatorId
    const isNew = (parcel: P) => !this.state.waiting.some((one) => one.id === parcel.id)
    const kept = everybodys.filter((parcel) => isOwn(parcel) && isNew(parcel))
    const sorted = kept.toSorted((a, b) => a.queuedAt - b.queuedAt)
    this.change({
      others: everybodys.filter((parcel) => !(isOwn(parcel) || parcel.refusal)),
      waiting: [...sorted.filter((parcel) => !parcel.refusal), ...this.state.waiting],
      refused: sorted.filter((parcel) => parcel.refusal),
      isLoaded: true,
    })
    void this.flush()
  }

  /**
   * Resolves once the parcel is kept on this device; sending goes on by itself. `onKept` is called
   * in the same turn as those who watch, so that the page shows both changes at once.
   */
  async add(parcel: P, onKept: () => void = () => undefined): Promise<void> {
    await this.keep(parcel)
    this.change({ waiting: [...this.state.waiting, parcel] })
    onKept()
    if (this.state.obstacle === null) void this.flush()
  }

  /** Try now: the network is back, or somebody signed in again. */
  retry(): void {
    this.failures = 0
    this.callOff()
    void this.flush()
  }

  /** The person has read why a label was refused. */
  async dismiss(id: string): Promise<void> {
    this.change({ refused: this.state.refused.filter((parcel) => parcel.id !== id) })
    await this.parts.store.remove(id).catch(() => undefined)
  }

  /** Stop sending; what waits stays on this device. */
  close(): void {
    this.callOff()
    this.isClosed = true
  }

  private async flush(): Promise<void> {
    if (this.isSending || this.isClosed) return
    this.isSending = true
    try {
      let goesOn = true
      while (goesOn && !this.isClosed) {
        const parcel = this.state.waiting[0]
        goesOn = parcel !== undefined && (await this.deliver(parcel))
      }
    } finally {
      this.isSending = false
    }
  }

  /** Whether the next parcel may be tried. */
  private async deliver(parcel: P): Promise<boolean> {
    let verdict: Verdict = { kind: "saved" }
    await this.parts.exclusively(async () => {
      if (await this.isOurs(parcel)) verdict = await this.parts.send(parcel)
    })
    return this.settle(parcel, verdict)
  }

  private async settle(parcel: P, verdict: Verdict): Promise<boolean> {
    switch (verdict.kind) {
      case "saved":
        this.failures = 0
        this.change({ waiting: this.without(parcel), obstacle: null })
        await this.parts.store.remove(parcel.id).catch(() => undefined)
        return true
      case "unreachable":
        this.change({ obstacle: "unreachable" })
        this.pause(verdict.afterMs)
        return false
      case "signed-out":
        this.change({ obstacle: "signed-out" })
        return false
      case "lease-lost":
        return this.resendAsCorrection(parcel)
      case "refused":
        await this.setAside(parcel, verdict.reason)
        return true
    }
  }

  /** The lease ran out meanwhile; unless somebody else took the image, the label still counts. */
  private async resendAsCorrection(parcel: P): Promise<boolean> {
    if (parcel.body.lease_id == null) {
      await this.setAside(parcel, "The hold on this image was lost.")
      return true
    }
    const body = { ...parcel.body, lease_id: null }
    const again = { ...parcel, body }
    await this.keep(again)
    this.change({ waiting: [again, ...this.without(parcel)], obstacle: null })
    return true
  }

  private async setAside(parcel: P, refusal: string): Promise<void> {
    const refused = { ...parcel, refusal }
    this.change({
      waiting: this.without(parcel),
      refused: [...this.state.refused, refused],
      obstacle: null,
    })
    await this.keep(refused)
  }

  /** False when another tab has delivered it. */
  private async isOurs(parcel: P): Promise<boolean> {
    if (this.state.isFragile) return true
    return this.parts.store.has(parcel.id).catch(() => true)
  }

  private async keep(parcel: P): Promise<void> {
    try {
      await this.parts.store.put(parcel)
    } catch {
      this.change({ isFragile: true })
    }
  }

  private pause(atLeastMs = 0): void {
    const growing = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.failures)
    this.failures += 1
    this.callOff()
    this.callOff = this.parts.later(() => void this.flush(), Math.max(atLeastMs, growing))
  }

  private without(parcel: P): P[] {
    return this.state.waiting.filter((one) => one.id !== parcel.id)
  }

  private change(change: Partial<OutboxState<P>>): void {
    this.state = { ...this.state, ...change }
    this.notify()
  }
}

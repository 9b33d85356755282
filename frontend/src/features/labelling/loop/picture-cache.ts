import { messageOf } from "@/api/client"
import { Observable } from "./observable"

export type PictureState<Picture> =
  | { state: "loading" }
  | { state: "ready"; picture: Picture }
  | { state: "failed"; problem: string }

export type PictureCacheParts<Wanted, Picture> = {
  load: (wanted: Wanted) => Promise<Picture>
  close: (picture: Picture) => void
  /** Whether loading again may help. */
  isPassing: (error: unknown) => boolean
  later: (run: () => void, ms: number) => () => void
}

type Frame<Wanted, Picture> = {
  wanted: Wanted
  shown: PictureState<Picture>
  callOff: () => void
  isBegun: boolean
  isGone: boolean
}

const PAUSE_MS = 2000
const LOADING = { state: "loading" } as const

/** Pictures that are loaded before they are needed, and closed when they are not any more. */
export class PictureCache<Wanted extends { id: number }, Picture> extends Observable {
  private readonly parts: PictureCacheParts<Wanted, Picture>
  private readonly frames = new Map<number, Frame<Wanted, Picture>>()
  /** As they are wanted. */
  private order: readonly Frame<Wanted, Picture>[] = []

  constructor(parts: PictureCacheParts<Wanted, Picture>) {
    super()
    this.parts = parts
  }

  get(id: number): PictureState<Picture> | null {
    return this.frames.get(id)?.shown ?? null
  }

  /** Have these and no others. The first is what a person waits for: the others come after it. */
  want(all: readonly Wanted[]): void {
    const ids = new Set(all.map((wanted) => wanted.id))
    for (const [id, frame] of this.frames) if (!ids.has(id)) this.drop(id, frame)
    this.order = all.map((wanted) => this.frameFor(wanted))
    this.begin()
  }

  /** Load all of them anew: they are to be drawn in another way. */
  reload(): void {
    const all = [...this.frames.values()].map((frame) => frame.wanted)
    this.want([])
    this.want(all)
  }

  /** Try again what failed. */
  retry(): void {
    for (const frame of this.frames.values()) {
      if (frame.shown.state === "failed") void this.load(frame)
    }
  }

  private frameFor(wanted: Wanted): Frame<Wanted, Picture> {
    const known = this.frames.get(wanted.id)
    if (known) return known
    const callOff = () => undefined
    const frame = { wanted, shown: LOADING, callOff, isBegun: false, isGone: false }
    this.frames.set(wanted.id, frame)
    return frame
  }

  private begin(): void {
    for (const frame of this.order) {
      if (!frame.isBegun) void this.load(frame)
      if (frame === this.order[0] && frame.shown.state === "loading") return
    }
  }

  private async load(frame: Frame<Wanted, Picture>): Promise<void> {
    frame.isBegun = true
    frame.callOff()
    this.show(frame, LOADING)
    try {
      const picture = await this.parts.load(frame.wanted)
      if (frame.isGone) this.parts.close(picture)
      else this.show(frame, { state: "ready", picture })
    } catch (error) {
      if (frame.isGone) return
      this.show(frame, { state: "failed", problem: messageOf(error) })
      if (this.parts.isPassing(error)) {
        frame.callOff = this.parts.later(() => void this.load(frame), PAUSE_MS)
      }
    }
  }

  private drop(id: number, frame: Frame<Wanted, Picture>): void {
    frame.isGone = true
    frame.callOff()
    this.frames.delete(id)
    if (frame.shown.state === "ready") this.parts.close(frame.shown.picture)
  }

  private show(frame: Frame<Wanted, Picture>, shown: PictureState<Picture>): void {
    frame.shown = shown
    this.notify()
    if (frame === this.order[0] && shown.state !== "loading") this.begin()
  }
}

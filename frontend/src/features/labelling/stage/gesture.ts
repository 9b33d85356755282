import type { Spot } from "../answer/geometry"

/** What fingers, pens and mice mean, whatever they are made with. */
export type Meaning =
  | { kind: "tap"; at: Spot; held: number | null }
  | { kind: "drag"; held: number; to: Spot }
  | { kind: "pan"; by: Spot }
  | { kind: "brush"; from: Spot; to: Spot; isFirst: boolean }
  | { kind: "pinch"; before: [Spot, Spot]; after: [Spot, Spot] }

type Finger = { id: number; at: Spot }

/** Turns the pointers on the stage into taps, drags of a point, pans and pinches. */
export class Gesture {
  private readonly fingers = new Map<number, Spot>()
  private start: Spot = { x: 0, y: 0 }
  /** From where the point was taken to its own middle. */
  private grip: Spot = { x: 0, y: 0 }
  private held: number | null = null
  private isStill = true
  private isBrushing = false

  /** `held` is the point under the finger, with its place on the stage, or what else it does. */
  down({ id, at }: Finger, held: { id: number; at: Spot } | "brush" | null): void {
    this.fingers.set(id, at)
    this.isStill = this.fingers.size === 1
    if (!this.isStill) return
    this.start = at
    this.isBrushing = held === "brush"
    const point = held === "brush" ? null : held
    this.held = point?.id ?? null
    this.grip = point ? { x: point.at.x - at.x, y: point.at.y - at.y } : { x: 0, y: 0 }
  }

  /** Nothing until the finger went further than `slack` stage pixels. */
  move({ id, at }: Finger, slack: number): Meaning | null {
    const before = this.fingers.get(id)
    if (!before) return null
    if (this.fingers.size === 2) return this.pinched({ id, at })
    if (this.isStill && Math.hypot(at.x - this.start.x, at.y - this.start.y) <= slack) return null
    const isFirst = this.isStill
    const from = isFirst ? this.start : before
    this.isStill = false
    this.fingers.set(id, at)
    if (this.held !== null) {
      const to = { x: at.x + this.grip.x, y: at.y + this.grip.y }
      return { kind: "drag", held: this.held, to }
    }
    if (this.isBrushing) return { kind: "brush", from, to: at, isFirst }
    return { kind: "pan", by: { x: at.x - from.x, y: at.y - from.y } }
  }

  up({ id, at }: Finger): Meaning | null {
    const isTap = this.fingers.has(id) && this.fingers.size === 1 && this.isStill
    this.cancel(id)
    return isTap ? { kind: "tap", at, held: this.held } : null
  }

  cancel(id: number): void {
    this.fingers.delete(id)
  }

  private pinched({ id, at }: Finger): Meaning {
    const before = [...this.fingers.values()]
    this.fingers.set(id, at)
    const after = [...this.fingers.values()]
    return { kind: "pinch", before: before as [Spot, Spot], after: after as [Spot, Spot] }
  }
}

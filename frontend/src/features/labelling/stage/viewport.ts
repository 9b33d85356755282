import type { Size, Spot } from "../answer/geometry"

/** Where the image lies on the stage: `stage = image * scale + offset`, in CSS pixels. */
export type Viewport = { scale: number; x: number; y: number }
/** What a viewport must stay within. */
export type Bounds = { image: Size; stage: Size }

type Fingers = { before: readonly [Spot, Spot]; after: readonly [Spot, Spot] }

const MAX_SCALE = 40
const WHEEL_PIXEL = 0.002
const WHEEL_LINE = 0.05
const PINCH_ON_TRACKPAD = 6

/** The largest whole view of the image, centred. */
export function wholeView({ image, stage }: Bounds): Viewport {
  const scale = Math.min(stage.width / image.width, stage.height / image.height)
  return centred({ scale, x: 0, y: 0 }, { image, stage })
}

export function toImage(viewport: Viewport, spot: Spot): Spot {
  return {
    x: (spot.x - viewport.x) / viewport.scale,
    y: (spot.y - viewport.y) / viewport.scale,
  }
}

export function toStage(viewport: Viewport, spot: Spot): Spot {
  return {
    x: spot.x * viewport.scale + viewport.x,
    y: spot.y * viewport.scale + viewport.y,
  }
}

/** Zoom so that what is under `spot` (stage pixels) stays under it. */
export function zoomAt(viewport: Viewport, spot: Spot, factor: number, bounds: Bounds): Viewport {
  const smallest = wholeView(bounds).scale
  const largest = Math.max(MAX_SCALE, smallest)
  const scale = Math.min(largest, Math.max(smallest, viewport.scale * factor))
  const under = toImage(viewport, spot)
  return centred({ scale, x: spot.x - under.x * scale, y: spot.y - under.y * scale }, bounds)
}

export function pan(viewport: Viewport, by: Spot, bounds: Bounds): Viewport {
  return centred({ ...viewport, x: viewport.x + by.x, y: viewport.y + by.y }, bounds)
}

/** Two fingers went from `before` to `after`: zoom by their distance, pan by their middle. */
export function pinch(viewport: Viewport, fingers: Fingers, bounds: Bounds): Viewport {
  const from = middle(fingers.before)
  const to = middle(fingers.after)
  const moved = { ...viewport, x: viewport.x + to.x - from.x, y: viewport.y + to.y - from.y }
  const spread = distance(fingers.after) / Math.max(1, distance(fingers.before))
  return zoomAt(moved, to, spread, bounds)
}

/** How much a turn of the wheel zooms; browsers report pinches on a trackpad as ctrl + wheel. */
export function wheelFactor(event: Pick<WheelEvent, "deltaY" | "deltaMode" | "ctrlKey">): number {
  const unit = event.deltaMode === 0 ? WHEEL_PIXEL : WHEEL_LINE
  return 2 ** (-event.deltaY * unit * (event.ctrlKey ? PINCH_ON_TRACKPAD : 1))
}

/** Show the same part of the image after the stage changed its size. */
export function resized(viewport: Viewport, before: Bounds, after: Bounds): Viewport {
  const wasFitted = Math.abs(viewport.scale - wholeView(before).scale) < 1e-6
  if (wasFitted) return wholeView(after)
  const grown = {
    x: (after.stage.width - before.stage.width) / 2,
    y: (after.stage.height - before.stage.height) / 2,
  }
  const scale = Math.max(viewport.scale, wholeView(after).scale)
  return centred({ scale, x: viewport.x + grown.x, y: viewport.y + grown.y }, after)
}

function centred(viewport: Viewport, { image, stage }: Bounds): Viewport {
  return {
    scale: viewport.scale,
    x: keptOnAxis(viewport.x, image.width * viewport.scale, stage.width),
    y: keptOnAxis(viewport.y, image.height * viewport.scale, stage.height),
  }
}

/** Centre what is smaller than the stage; let no gap open beside what is larger. */
function keptOnAxis(offset: number, length: number, stage: number): number {
  if (length <= stage) return (stage - length) / 2
  return Math.min(0, Math.max(stage - length, offset))
}

function middle([a, b]: readonly [Spot, Spot]): Spot {
  return { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 }
}

function distance([a, b]: readonly [Spot, Spot]): number {
  return Math.hypot(a.x - b.x, a.y - b.y)
}

import type { Grid, Size, Spot } from "./geometry"

export type Box = Spot & Size

/** How finely the way between two positions of the pointer is looked at. */
const STEPS = 16

/** The tile under a spot in image pixels; null beside the image. */
export function tileAt(spot: Spot, image: Size, { rows, cols }: Grid): number | null {
  const column = Math.floor((spot.x / image.width) * cols)
  const row = Math.floor((spot.y / image.height) * rows)
  const isOutside = column < 0 || row < 0 || column >= cols || row >= rows
  return isOutside ? null : row * cols + column
}

/** All tiles on the way from one spot to another, in image pixels. */
export function tilesBetween(from: Spot, to: Spot, image: Size, grid: Grid): number[] {
  const found = new Set<number>()
  for (let step = 0; step <= STEPS; step++) {
    const share = step / STEPS
    const spot = { x: from.x + (to.x - from.x) * share, y: from.y + (to.y - from.y) * share }
    const tile = tileAt(spot, image, grid)
    if (tile !== null) found.add(tile)
  }
  return [...found]
}

/** Where a tile lies, in image pixels. */
export function boxOf(tile: number, image: Size, { rows, cols }: Grid): Box {
  const width = image.width / cols
  const height = image.height / rows
  return { x: (tile % cols) * width, y: Math.floor(tile / cols) * height, width, height }
}

const DIRECTIONS: Record<string, Spot> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
}

/** The tile beside this one in an arrow key's direction, which may be itself; null for other keys. */
export function tileBeside(tile: number, key: string, { rows, cols }: Grid): number | null {
  const direction = DIRECTIONS[key]
  if (!direction) return null
  const column = Math.min(cols - 1, Math.max(0, (tile % cols) + direction.x))
  const row = Math.min(rows - 1, Math.max(0, Math.floor(tile / cols) + direction.y))
  return row * cols + column
}

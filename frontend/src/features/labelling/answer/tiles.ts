import { directionOf, type Grid, type Size, type Spot } from "./geometry"
import { type Edit, type Sheet, withPresence } from "./sheet"

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

/** The tile beside this one in an arrow key's direction, which may be itself; null for other keys. */
export function tileBeside(tile: number, key: string, { rows, cols }: Grid): number | null {
  const direction = directionOf(key)
  if (!direction) return null
  const column = Math.min(cols - 1, Math.max(0, (tile % cols) + direction.x))
  const row = Math.min(rows - 1, Math.max(0, Math.floor(tile / cols) + direction.y))
  return row * cols + column
}

export function tilesOf(sheet: Sheet, category: string): readonly number[] {
  return sheet.tiles[category] ?? []
}

export const isInTile = (sheet: Sheet, tile: number): boolean =>
  sheet.active !== null && tilesOf(sheet, sheet.active).includes(tile)

/** Puts the active category into these tiles, or takes it out: in one stroke one step of undo. */
export const markTiles = (tiles: readonly number[], isIn: boolean, edit: Edit): void =>
  edit(`tiles ${isIn}`, (now) => tiled(now, tiles, isIn))

/** The active category is, or is not, in these tiles. */
export function tiled(sheet: Sheet, indices: readonly number[], isIn: boolean): Sheet {
  const { active } = sheet
  if (active === null) return sheet
  const before = new Set(tilesOf(sheet, active))
  if (indices.every((index) => before.has(index) === isIn)) return sheet
  for (const index of indices) isIn ? before.add(index) : before.delete(index)
  return withTiles(sheet, active, [...before])
}

/** A category is present when it is in a tile. */
export function withTiles(sheet: Sheet, category: string, indices: readonly number[]): Sheet {
  const presence = indices.length > 0 ? "present" : "absent"
  const tiles = { ...sheet.tiles, [category]: indices.toSorted((one, other) => one - other) }
  return { ...withPresence(sheet, category, presence), tiles }
}

export type Size = { width: number; height: number }
export type Spot = { x: number; y: number }

/** Its cells are counted row by row from the top left. */
export type Grid = { rows: number; cols: number }

/** Whether a spot in image pixels is on the image. */
export function isInside(image: Size, spot: Spot): boolean {
  return spot.x >= 0 && spot.y >= 0 && spot.x < image.width && spot.y < image.height
}

/** The spot moved onto the image, a hundredth of a pixel exact. */
export function onImage(spot: Spot, image: Size): Spot {
  const kept = (value: number, length: number) =>
    Math.min(length - 0.01, Math.max(0, Math.round(value * 100) / 100))
  return { x: kept(spot.x, image.width), y: kept(spot.y, image.height) }
}

const DIRECTIONS: Record<string, Spot> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
}

/** Where an arrow key goes; null for other keys. */
export const directionOf = (key: string): Spot | null => DIRECTIONS[key] ?? null

import type { Label } from "@/api/images"
import type { Mode } from "@/api/projects"

/** What a label says of places in its image. */
export type Places = Pick<Label, "points" | "tiles">

export const NO_PLACES: Places = { points: [], tiles: null }

type Asked = {
  asksPoints: boolean
  /** Whether one category may be asked for by itself, of many images at a time. */
  canBeSwept: boolean
}

/** What each mode asks for besides which categories are there. */
export const ASKED: Readonly<Record<Mode, Asked>> = {
  tags: { asksPoints: false, canBeSwept: true },
  points: { asksPoints: true, canBeSwept: true },
  "tags-and-points": { asksPoints: true, canBeSwept: true },
  tiles: { asksPoints: false, canBeSwept: false },
}

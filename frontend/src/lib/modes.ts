import type { Mode } from "@/api/projects"

type Asked = {
  asksPoints: boolean
  hasTiles: boolean
  /** Whether one category may be asked for by itself, of many images at a time. */
  canBeSwept: boolean
}

/** What each mode asks for besides which categories are there. */
export const ASKED: Readonly<Record<Mode, Asked>> = {
  tags: { asksPoints: false, hasTiles: false, canBeSwept: true },
  points: { asksPoints: true, hasTiles: false, canBeSwept: true },
  "tags-and-points": { asksPoints: true, hasTiles: false, canBeSwept: true },
  tiles: { asksPoints: false, hasTiles: true, canBeSwept: false },
}

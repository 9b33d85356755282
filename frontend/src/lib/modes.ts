import type { Mode } from "@/api/projects"

type Asked = { asksPoints: boolean; hasTiles: boolean }

/** What each mode asks for besides which categories are there. */
export const ASKED: Readonly<Record<Mode, Asked>> = {
  tags: { asksPoints: false, hasTiles: false },
  points: { asksPoints: true, hasTiles: false },
  "tags-and-points": { asksPoints: true, hasTiles: false },
  tiles: { asksPoints: false, hasTiles: true },
}

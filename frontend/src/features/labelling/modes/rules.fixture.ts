import type { Given } from "../answer/content"
import type { Sheet } from "../answer/sheet"
import type { Rules } from "./mode"
import { points } from "./points"
import { tags } from "./tags"
import { tagsAndPoints } from "./tags-and-points"
import { tiles } from "./tiles"

const categories = ["Sky", "Road", "Car", "Pole"].map((name, index) => ({
  id: index + 1,
  name,
  color: "#406080",
  key: name.charAt(0).toLowerCase(),
}))
const form = { categories, pointsPerCategory: 1, grid: { rows: 2, cols: 3 } }

/** The rules of a project in each mode, with the same four categories: s, r, c and p. */
export const withPoints: Rules = { ...form, mode: tagsAndPoints }
export const tagsOnly: Rules = { ...form, mode: tags }
export const inTwoSteps: Rules = { ...form, mode: points }
export const inTiles: Rules = { ...form, mode: tiles }

/** The sheet after a category's key or button. */
export const pressed = (sheet: Sheet, name: string, rules: Rules) =>
  rules.mode.pressed(sheet, name, rules)

/** The sheet of an image of which something is known. */
export const sheetOf = (given: Given, rules: Rules) => rules.mode.sheetOf(given, rules)

/** The sheet after keys of categories, where they are both ticked and clicked. */
export const press = (sheet: Sheet, ...names: string[]) =>
  names.reduce((now, name) => pressed(now, name, withPoints), sheet)

/** An image that is being answered by keys, and how often was said what to do first. */
export function answering(sheet: Sheet) {
  let [now, refusals] = [sheet, 0]
  return {
    sheet: () => now,
    edit: (_kind: string, change: (sheet: Sheet) => Sheet) => {
      now = change(now)
    },
    sayNoTurn: () => {
      refusals += 1
    },
    refusals: () => refusals,
  }
}

import { type Answer, type Content, listed } from "@/lib/answers"
import { NO_PLACES, type Places } from "@/lib/modes"
import type { Rules } from "../modes/mode"
import { EMPTY_SHEET, presenceOf, type Sheet } from "./sheet"
import { settled } from "./turns"

/** What is known of an image. */
export type Given = Pick<Content, "present"> & Partial<Content>

/** What is submitted. Absent is everything that is neither ticked nor doubted. */
export function contentOf(sheet: Sheet, rules: Rules): Content {
  const names = rules.categories.map(({ name }) => name)
  const lists = listed(names, (name) => presenceOf(sheet, name))
  return { ...lists, ...rules.mode.placesIn(sheet, lists.present, rules) }
}

/** Whether the same would be submitted of both sheets. */
export function isSameContent(one: Sheet, other: Sheet, rules: Rules): boolean {
  return JSON.stringify(contentOf(one, rules)) === JSON.stringify(contentOf(other, rules))
}

/** A sheet that says what is known where categories are ticked; those that want points have turns. */
export function tickedAs(given: Given, rules: Rules): Sheet {
  const { present, points = [] } = given
  const presence: Record<string, Answer> = doubtsIn(given)
  for (const name of present) presence[name] = "present"
  // Nobody ticked these one after the other.
  const names = rules.categories.map(({ name }) => name)
  const sheet = {
    ...EMPTY_SHEET,
    presence,
    ticked: names.filter((name) => present.includes(name)),
    points: points.map((point, index) => ({ ...point, id: index + 1 })),
  }
  return present.length > 0 ? settled(sheet, rules) : sheet
}

/** The points of a sheet, as a label has them. */
export const pointsIn = (sheet: Sheet): Places => ({
  ...NO_PLACES,
  points: sheet.points.map(({ category, x, y }) => ({ category, x, y })),
})

export const doubtsIn = ({ unsure = [] }: Given): Record<string, "unsure"> =>
  Object.fromEntries(unsure.map((name) => [name, "unsure"]))

import { type Answer, type Content, listed } from "@/lib/answers"
import type { Rules } from "../modes/mode"
import { EMPTY_SHEET, presenceOf, type Sheet } from "./sheet"
import { settled } from "./turns"

/** What is known of an image. */
export type Given = Pick<Content, "present"> & Partial<Content>

/** What is submitted. Absent is everything that is neither ticked nor doubted. */
export function contentOf(sheet: Sheet, rules: Rules): Content {
  const names = rules.categories.map(({ name }) => name)
  const lists = listed(names, (name) => presenceOf(sheet, name))
  const points = sheet.points.map(({ category, x, y }) => ({ category, x, y }))
  return { ...lists, points, tiles: rules.mode.tilesIn(sheet, lists.present, rules) }
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

export const doubtsIn = ({ unsure = [] }: Given): Record<string, "unsure"> =>
  Object.fromEntries(unsure.map((name) => [name, "unsure"]))

/** A sheet that was kept, perhaps under other categories, as it fits the project now. */
export function refitted(kept: Sheet, rules: Rules): Sheet {
  const names = new Set(rules.categories.map((category) => category.name))
  const present = [...names].filter((name) => presenceOf(kept, name) === "present")
  // What an earlier version kept has no order.
  const { ticked = [] }: Partial<Sheet> = kept
  const known = <Value>(record: Readonly<Record<string, Value>>) =>
    Object.fromEntries(Object.entries(record).filter(([name]) => names.has(name)))
  return {
    ...kept,
    presence: known(kept.presence),
    ticked: [...new Set([...ticked.filter((name) => present.includes(name)), ...present])],
    tiles: known(kept.tiles),
    points: kept.points.filter((point) => names.has(point.category)),
    active: kept.active !== null && names.has(kept.active) ? kept.active : null,
    selected: null,
    fresh: null,
  }
}

import { type Answer, type Content, listed } from "@/lib/answers"
import type { Rules } from "../modes/mode"
import { EMPTY_SHEET, presenceOf, type Sheet, tilesOf } from "./sheet"
import { settled } from "./turns"

/** What is known of an image. */
type Given = Pick<Content, "present"> & Partial<Content>

/** What is submitted. Absent is everything that is neither ticked nor doubted. */
export function contentOf(sheet: Sheet, rules: Rules): Content {
  const names = rules.categories.map(({ name }) => name)
  const lists = listed(names, (name) => presenceOf(sheet, name))
  const points = sheet.points.map(({ category, x, y }) => ({ category, x, y }))
  const inTiles = () =>
    Object.fromEntries(lists.present.map((name) => [name, [...tilesOf(sheet, name)]]))
  const tiles = rules.mode.hasTiles ? { ...rules.grid, present: inTiles() } : null
  return { ...lists, points, tiles }
}

/** Whether the same would be submitted of both sheets. */
export function isSameContent(one: Sheet, other: Sheet, rules: Rules): boolean {
  return JSON.stringify(contentOf(one, rules)) === JSON.stringify(contentOf(other, rules))
}

/** A sheet that says what was given; the first category that wants a point has its turn. */
export function sheetOf(given: Given, rules: Rules): Sheet {
  const presence: Record<string, Answer> = {}
  for (const name of given.unsure ?? []) presence[name] = "unsure"
  if (rules.mode.hasTiles) return { ...EMPTY_SHEET, ...tiledAs(given, presence, rules) }
  for (const name of given.present) presence[name] = "present"
  const points = (given.points ?? []).map((point, index) => ({ ...point, id: index + 1 }))
  const ticked = inPanelOrder(given.present, rules)
  const sheet = { ...EMPTY_SHEET, presence, ticked, points }
  return given.present.length > 0 ? settled(sheet, rules) : sheet
}

/** Nobody ticked these one after the other. */
function inPanelOrder(names: readonly string[], { categories }: Rules): string[] {
  return categories.map(({ name }) => name).filter((name) => names.includes(name))
}

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

/** Tiles of another grid, and tags without tiles, say nothing of these tiles. */
function tiledAs({ tiles }: Given, doubts: Record<string, Answer>, { grid }: Rules) {
  const isThisGrid = tiles?.rows === grid.rows && tiles.cols === grid.cols
  const own = isThisGrid ? tiles.present : {}
  const present = Object.keys(own).map((name) => [name, "present" as const])
  return { tiles: own, presence: { ...doubts, ...Object.fromEntries(present) } }
}

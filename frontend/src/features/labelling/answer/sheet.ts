import type { Category } from "@/api/projects"
import type { Answer } from "@/lib/answers"
import type { Spot } from "./geometry"

/** A click: original image pixels, pixel centres at .5. */
export type SheetPoint = { id: number; category: string; x: number; y: number }

/** The answer for one image while it is being given. */
export type Sheet = {
  /** By category name; what is not named is absent. */
  presence: Readonly<Record<string, Answer>>
  /** The present categories as they were ticked, the first one first. */
  ticked: readonly string[]
  /** What the very last press ticked: pressed again at once, it was a mistake. */
  fresh: string | null
  points: readonly SheetPoint[]
  /** The tiles in which each category is, in order; only where tiles are asked for. */
  tiles: Readonly<Record<string, readonly number[]>>
  /** The category that the next click, or tile, belongs to. */
  active: string | null
  /** The point that Backspace removes. */
  selected: number | null
  /** Whether the tags are given and points come next; only where tags and points are two steps. */
  isSettled: boolean
}

/** A change of the answer; quick ones of one kind are one step of undo. */
export type Edit = (kind: string, change: (sheet: Sheet) => Sheet) => void

export const EMPTY_SHEET: Sheet = {
  presence: {},
  ticked: [],
  fresh: null,
  points: [],
  tiles: {},
  active: null,
  selected: null,
  isSettled: false,
}

export function presenceOf(sheet: Sheet, category: string): Answer {
  return sheet.presence[category] ?? "absent"
}

/** Whether nothing is ticked, and nothing in doubt. */
export function isAllAbsent(sheet: Sheet, categories: readonly Category[]): boolean {
  return categories.every(({ name }) => presenceOf(sheet, name) === "absent")
}

export const isAnyPresent = ({ presence }: Sheet): boolean =>
  Object.values(presence).includes("present")

export function pointsOf(sheet: Sheet, category: string): SheetPoint[] {
  return sheet.points.filter((point) => point.category === category)
}

export function moved(sheet: Sheet, id: number, to: Spot): Sheet {
  const points = sheet.points.map((point) =>
    point.id === id ? { ...point, x: to.x, y: to.y } : point,
  )
  return { ...sheet, points, selected: id }
}

export function selected(sheet: Sheet, id: number | null): Sheet {
  return sheet.selected === id ? sheet : { ...sheet, selected: id }
}

/** Without the selected point, or else the last; its category is to be clicked again. */
export function withoutPoint(sheet: Sheet): Sheet {
  const gone = sheet.points.find((point) => point.id === sheet.selected) ?? sheet.points.at(-1)
  if (!gone) return sheet
  const points = sheet.points.filter((point) => point !== gone)
  return { ...sheet, points, selected: null, fresh: null, active: gone.category }
}

export function withPresence(sheet: Sheet, category: string, presence: Answer): Sheet {
  const others = sheet.ticked.filter((name) => name !== category)
  const isNew = others.length === sheet.ticked.length
  const ticked = presence !== "present" ? others : isNew ? [...others, category] : sheet.ticked
  return { ...sheet, presence: { ...sheet.presence, [category]: presence }, ticked }
}

/** The category is nowhere any more, whatever it is said to be. */
export const withoutPlaces = (sheet: Sheet, category: string): Sheet => ({
  ...sheet,
  points: sheet.points.filter((point) => point.category !== category),
  tiles: { ...sheet.tiles, [category]: [] },
  selected: null,
})

/** A sheet that was kept, perhaps under other categories, as it fits the project now. */
export function refitted(kept: Sheet, categories: readonly Category[]): Sheet {
  const names = new Set(categories.map(({ name }) => name))
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

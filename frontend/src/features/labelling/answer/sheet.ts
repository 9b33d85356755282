import type { Category } from "@/api/projects"
import type { Size, Spot } from "../stage/viewport"

/** What a person says of a category in an image. */
export type Presence = "absent" | "present" | "unsure"

/** A click: original image pixels, pixel centres at .5. */
export type SheetPoint = { id: number; category: string; x: number; y: number }

/** The answer for one image while it is being given. */
export type Sheet = {
  /** By category name; what is not named is absent. */
  presence: Readonly<Record<string, Presence>>
  points: readonly SheetPoint[]
  /** The category that the next click belongs to. */
  active: string | null
  /** The point that Backspace removes. */
  selected: number | null
}

export type Rules = { categories: readonly Category[]; asksPoints: boolean }

export const EMPTY_SHEET: Sheet = { presence: {}, points: [], active: null, selected: null }

export function presenceOf(sheet: Sheet, category: string): Presence {
  return sheet.presence[category] ?? "absent"
}

export function pointsOf(sheet: Sheet, category: string): SheetPoint[] {
  return sheet.points.filter((point) => point.category === category)
}

/**
 * A category's key or button. It ticks the category, and the next click is its point. Of a
 * ticked category it gives it the turn again; pressed in its own turn, it unticks it.
 * Without points it ticks and unticks.
 */
export function pressed(sheet: Sheet, category: string, rules: Rules): Sheet {
  if (presenceOf(sheet, category) !== "present") {
    return { ...withPresence(sheet, category, "present"), active: activeIf(rules, category) }
  }
  if (rules.asksPoints && sheet.active !== category) return { ...sheet, active: category }
  return cleared(sheet, category, "absent", rules)
}

/** "Not sure": the category is in neither list. Again: back to absent. */
export function doubted(sheet: Sheet, category: string, rules: Rules): Sheet {
  const next = presenceOf(sheet, category) === "unsure" ? "absent" : "unsure"
  return cleared(sheet, category, next, rules)
}

/** A click on the image: a point of the active category, then the next one's turn. */
export function clicked(sheet: Sheet, at: Spot, rules: Rules): Sheet {
  if (sheet.active === null) return sheet
  const id = 1 + Math.max(0, ...sheet.points.map((point) => point.id))
  const points = [...sheet.points, { id, category: sheet.active, x: at.x, y: at.y }]
  const placed = { ...sheet, points, selected: id }
  return { ...placed, active: nextWithoutPoint(placed, sheet.active, rules) }
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

/** Remove the selected point, or else the last; its category is to be clicked again. */
export function pointRemoved(sheet: Sheet): Sheet {
  const gone = sheet.points.find((point) => point.id === sheet.selected) ?? sheet.points.at(-1)
  if (!gone) return sheet
  const points = sheet.points.filter((point) => point !== gone)
  return { ...sheet, points, selected: null, active: gone.category }
}

/** The spot moved onto the image, a hundredth of a pixel exact. */
export function onImage(spot: Spot, image: Size): Spot {
  const kept = (value: number, length: number) =>
    Math.min(length - 0.01, Math.max(0, Math.round(value * 100) / 100))
  return { x: kept(spot.x, image.width), y: kept(spot.y, image.height) }
}

/** The lists that are submitted. Absent is everything that is neither ticked nor doubted. */
export function answerOf(sheet: Sheet, categories: readonly Category[]) {
  const named = (presence: Presence) =>
    categories.map(({ name }) => name).filter((name) => presenceOf(sheet, name) === presence)
  const points = sheet.points.map(({ category, x, y }) => ({ category, x, y }))
  return { present: named("present"), absent: named("absent"), points }
}

/** Whether both sheets would be submitted as the same answer. */
export function isSameAnswer(one: Sheet, other: Sheet, categories: readonly Category[]): boolean {
  return JSON.stringify(answerOf(one, categories)) === JSON.stringify(answerOf(other, categories))
}

/** A sheet in which these categories are ticked; the first without a point has its turn. */
export function sheetOf(
  answer: { present: readonly string[]; unsure?: readonly string[]; points?: readonly Click[] },
  rules: Rules,
): Sheet {
  const presence: Record<string, Presence> = {}
  for (const name of answer.unsure ?? []) presence[name] = "unsure"
  for (const name of answer.present) presence[name] = "present"
  const points = (answer.points ?? []).map((point, index) => ({ ...point, id: index + 1 }))
  const sheet = { presence, points, active: null, selected: null }
  return { ...sheet, active: nextWithoutPoint(sheet, null, rules) }
}

/** A sheet that was kept, perhaps under other categories, as it fits the project now. */
export function refitted(kept: Sheet, rules: Rules): Sheet {
  const names = new Set(rules.categories.map((category) => category.name))
  const presence = Object.fromEntries(
    Object.entries(kept.presence).filter(([name]) => names.has(name)),
  )
  const points = kept.points.filter((point) => names.has(point.category))
  const active = kept.active !== null && names.has(kept.active) ? kept.active : null
  return { ...EMPTY_SHEET, ...kept, presence, points, active, selected: null }
}

type Click = { category: string; x: number; y: number }

function activeIf(rules: Rules, category: string): string | null {
  return rules.asksPoints ? category : null
}

function withPresence(sheet: Sheet, category: string, presence: Presence): Sheet {
  return { ...sheet, presence: { ...sheet.presence, [category]: presence } }
}

function cleared(sheet: Sheet, category: string, presence: Presence, rules: Rules): Sheet {
  const points = sheet.points.filter((point) => point.category !== category)
  const next = { ...withPresence(sheet, category, presence), points, selected: null }
  const active = sheet.active === category ? nextWithoutPoint(next, category, rules) : sheet.active
  return { ...next, active }
}

/** The first present category without a point after `from` in the panel, going round. */
function nextWithoutPoint(sheet: Sheet, from: string | null, rules: Rules): string | null {
  if (!rules.asksPoints) return null
  const names = rules.categories.map((category) => category.name)
  const start = from === null ? 0 : names.indexOf(from) + 1
  const round = [...names.slice(start), ...names.slice(0, start)]
  const clickedOn = new Set(sheet.points.map((point) => point.category))
  return round.find((name) => presenceOf(sheet, name) === "present" && !clickedOn.has(name)) ?? null
}

import type { Category, Mode } from "@/api/projects"
import type { Answer } from "@/lib/answers"
import type { Grid, Spot } from "./geometry"

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

export type Rules = {
  categories: readonly Category[]
  mode: Mode
  /** How many points a category wants before the next one's turn. */
  pointsPerCategory: number
  grid: Grid
}

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

export const asksPoints = ({ mode }: Rules): boolean =>
  mode === "points" || mode === "tags-and-points"

export function presenceOf(sheet: Sheet, category: string): Answer {
  return sheet.presence[category] ?? "absent"
}

/** Whether nothing is ticked, and nothing in doubt. */
export function isAllAbsent(sheet: Sheet, categories: readonly Category[]): boolean {
  return categories.every(({ name }) => presenceOf(sheet, name) === "absent")
}

export function pointsOf(sheet: Sheet, category: string): SheetPoint[] {
  return sheet.points.filter((point) => point.category === category)
}

export function tilesOf(sheet: Sheet, category: string): readonly number[] {
  return sheet.tiles[category] ?? []
}

/**
 * A category's key or button. It ticks the category, whose turn comes after those that were ticked
 * before it. A ticked category gets the turn at once; pressed in its own turn, or right after it was
 * ticked, it is unticked. points it ticks and unticks; with tiles it gives and takes the turn.
 */
export function pressed(sheet: Sheet, category: string, rules: Rules): Sheet {
  if (rules.mode === "tiles") {
    return { ...sheet, active: sheet.active === category ? null : category }
  }
  const hasTurns = takesClicks(sheet, rules)
  if (presenceOf(sheet, category) !== "present") {
    const active = hasTurns ? (sheet.active ?? category) : null
    return { ...withPresence(sheet, category, "present"), active, fresh: category }
  }
  const isTaken = sheet.active === category || sheet.fresh === category
  if (hasTurns && !isTaken) return { ...sheet, active: category, fresh: null }
  return cleared(sheet, category, "absent", rules)
}

/** Whether pressing the category would take points away, so that a held key had better wait. */
export function wouldTakePoints(sheet: Sheet, category: string, rules: Rules): boolean {
  const isItsTurn = takesClicks(sheet, rules) && sheet.active === category
  return isItsTurn && pointsOf(sheet, category).length > 0
}

/** "Not sure": the category is in neither list. Again: back to absent. */
export function doubted(sheet: Sheet, category: string, rules: Rules): Sheet {
  const next = presenceOf(sheet, category) === "unsure" ? "absent" : "unsure"
  return cleared(sheet, category, next, rules)
}

/** "Not here after all": the category whose turn it is, is absent, and the next one follows. */
export function refuted(sheet: Sheet, rules: Rules): Sheet {
  return sheet.active === null ? sheet : cleared(sheet, sheet.active, "absent", rules)
}

/** The tags are given: the present categories come up in turn. */
export function settled(sheet: Sheet, rules: Rules): Sheet {
  const next = { ...sheet, isSettled: true }
  return { ...next, active: nextInTurn(next, { from: null, turns: turnsOf(next, rules) }, rules) }
}

/** Whether tags are given first and the points of this image are still to come. */
export function isBeforePoints(sheet: Sheet, rules: Rules): boolean {
  const hasTags = Object.values(sheet.presence).includes("present")
  return rules.mode === "points" && !sheet.isSettled && hasTags
}

/**
 * A click on the image: a point of the active category, then the next one's turn; or of the one
 * whose key is held, which leaves the turn where it is.
 */
export function clicked(sheet: Sheet, at: Spot, rules: Rules, held: string | null = null): Sheet {
  const category = held ?? sheet.active
  if (category === null || !asksPoints(rules)) return sheet
  const id = 1 + Math.max(0, ...sheet.points.map((point) => point.id))
  const points = [...sheet.points, { id, category, x: at.x, y: at.y }]
  const placed = { ...withPresence(sheet, category, "present"), points, selected: id, fresh: null }
  if (sheet.active !== null && sheet.active !== category) return placed
  const turns = turnsOf(placed, rules)
  return { ...placed, active: nextInTurn(placed, { from: category, turns }, rules) }
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

/**
 * Remove the selected point, or else the last; its category is to be clicked again. Without
 * points, back to the tags; with tiles, the active category leaves all of its own.
 */
export function steppedBack(sheet: Sheet, rules: Rules): Sheet {
  if (rules.mode === "tiles") {
    return sheet.active === null ? sheet : withTiles(sheet, sheet.active, [])
  }
  const gone = sheet.points.find((point) => point.id === sheet.selected) ?? sheet.points.at(-1)
  if (gone) {
    const points = sheet.points.filter((point) => point !== gone)
    return { ...sheet, points, selected: null, fresh: null, active: gone.category }
  }
  return rules.mode === "points" && sheet.isSettled
    ? { ...sheet, isSettled: false, active: null }
    : sheet
}

/** The active category is, or is not, in these tiles. */
export function tiled(sheet: Sheet, indices: readonly number[], isIn: boolean): Sheet {
  const { active } = sheet
  if (active === null) return sheet
  const before = new Set(tilesOf(sheet, active))
  if (indices.every((index) => before.has(index) === isIn)) return sheet
  for (const index of indices) isIn ? before.add(index) : before.delete(index)
  return withTiles(sheet, active, [...before])
}

/** Whose turn it was, and the order in which turns come. */
type Turns = { from: string | null; turns: readonly string[] }

/** First ticked, first clicked. Where tags and points are two steps, the panel's order. */
function turnsOf(sheet: Sheet, { mode, categories }: Rules): readonly string[] {
  return mode === "points" ? categories.map((category) => category.name) : sheet.ticked
}

/** The present category that wants more points: `from` itself, or the next one, going round. */
function nextInTurn(sheet: Sheet, { from, turns }: Turns, rules: Rules): string | null {
  if (!takesClicks(sheet, rules)) return null
  const start = from === null ? 0 : Math.max(0, turns.indexOf(from))
  const round = [...turns.slice(start), ...turns.slice(0, start)]
  const wants = (name: string) =>
    presenceOf(sheet, name) === "present" && pointsOf(sheet, name).length < rules.pointsPerCategory
  return round.find(wants) ?? null
}

function takesClicks(sheet: Sheet, rules: Rules): boolean {
  return rules.mode === "tags-and-points" || (rules.mode === "points" && sheet.isSettled)
}

function withPresence(sheet: Sheet, category: string, presence: Answer): Sheet {
  const others = sheet.ticked.filter((name) => name !== category)
  const isNew = others.length === sheet.ticked.length
  const ticked = presence !== "present" ? others : isNew ? [...others, category] : sheet.ticked
  return { ...sheet, presence: { ...sheet.presence, [category]: presence }, ticked }
}

/** A category is present when it is in a tile. */
function withTiles(sheet: Sheet, category: string, indices: readonly number[]): Sheet {
  const presence = indices.length > 0 ? "present" : "absent"
  const tiles = { ...sheet.tiles, [category]: indices.toSorted((one, other) => one - other) }
  return { ...withPresence(sheet, category, presence), tiles }
}

function cleared(sheet: Sheet, category: string, presence: Answer, rules: Rules): Sheet {
  const points = sheet.points.filter((point) => point.category !== category)
  const tiles = { ...sheet.tiles, [category]: [] }
  const next = {
    ...withPresence(sheet, category, presence),
    points,
    tiles,
    selected: null,
    fresh: null,
  }
  const turns = turnsOf(sheet, rules)
  const isItsTurn = sheet.active === category
  const active = isItsTurn ? nextInTurn(next, { from: category, turns }, rules) : sheet.active
  return { ...next, active }
}

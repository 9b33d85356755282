import type { Answer } from "@/lib/answers"
import type { Rules } from "../modes/mode"
import type { Spot } from "./geometry"
import { pointsOf, presenceOf, type Sheet, withoutPlaces, withPresence } from "./sheet"

/**
 * A category's key where it ticks. The category's turn comes after those that were ticked before it.
 * A ticked category gets the turn at once; pressed in its own turn, or right after it was ticked, it
 * is unticked. Without turns the key ticks and unticks.
 */
export function ticked(sheet: Sheet, category: string, rules: Rules): Sheet {
  const hasTurns = rules.mode.takesClicks(sheet)
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
  const isItsTurn = rules.mode.takesClicks(sheet) && sheet.active === category
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
  return {
    ...next,
    active: nextInTurn(next, { from: null, turns: rules.mode.turns(next, rules) }, rules),
  }
}

/**
 * A click on the image: a point of the active category, then the next one's turn; or of the one
 * whose key is held, which leaves the turn where it is.
 */
export function clicked(sheet: Sheet, at: Spot, rules: Rules, held: string | null = null): Sheet {
  const category = held ?? sheet.active
  if (category === null || !rules.mode.asksPoints) return sheet
  const id = 1 + Math.max(0, ...sheet.points.map((point) => point.id))
  const points = [...sheet.points, { id, category, x: at.x, y: at.y }]
  const placed = { ...withPresence(sheet, category, "present"), points, selected: id, fresh: null }
  if (sheet.active !== null && sheet.active !== category) return placed
  const turns = rules.mode.turns(placed, rules)
  return { ...placed, active: nextInTurn(placed, { from: category, turns }, rules) }
}

/** Whose turn it was, and the order in which turns come. */
type Turns = { from: string | null; turns: readonly string[] }

/** The present category that wants more points: `from` itself, or the next one, going round. */
function nextInTurn(sheet: Sheet, { from, turns }: Turns, rules: Rules): string | null {
  if (!rules.mode.takesClicks(sheet)) return null
  const start = from === null ? 0 : Math.max(0, turns.indexOf(from))
  const round = [...turns.slice(start), ...turns.slice(0, start)]
  const wants = (name: string) =>
    presenceOf(sheet, name) === "present" && pointsOf(sheet, name).length < rules.pointsPerCategory
  return round.find(wants) ?? null
}

function cleared(sheet: Sheet, category: string, presence: Answer, rules: Rules): Sheet {
  const next = {
    ...withPresence(withoutPlaces(sheet, category), category, presence),
    fresh: null,
  }
  const turns = rules.mode.turns(sheet, rules)
  const isItsTurn = sheet.active === category
  const active = isItsTurn ? nextInTurn(next, { from: category, turns }, rules) : sheet.active
  return { ...next, active }
}

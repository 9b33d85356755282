import { inWords } from "@/lib/answers"
import type { Rules } from "../modes/mode"
import { presenceOf, type Sheet } from "./sheet"

/** What changed between two sheets, in words for somebody who does not see it. */
export function announcement(before: Sheet, after: Sheet, rules: Rules): string | null {
  const change = rules.mode.change(before, after, rules)
  const said = [change, turnChange(before, after, rules)].filter((part) => part !== null)
  return said.length > 0 ? `${said.join(". ")}.` : null
}

/** Which categories, or else which point, the sheets answer differently; null where none. */
export const changedAnswer = (before: Sheet, after: Sheet): string | null =>
  changedCategory(before, after) ?? pointChange(before, after)

function changedCategory(before: Sheet, after: Sheet): string | null {
  const changes = namesIn(before.presence, after.presence)
    .filter((name) => presenceOf(before, name) !== presenceOf(after, name))
    .map((name) => `${name} ${inWords(presenceOf(after, name))}`)
  return changes.length > 0 ? changes.join(", ") : null
}

export const namesIn = (...records: Readonly<Record<string, unknown>>[]) => [
  ...new Set(records.flatMap((record) => Object.keys(record))),
]

function pointChange(before: Sheet, after: Sheet): string | null {
  const gone = before.points.find((point) => !after.points.some((one) => one.id === point.id))
  const come = after.points.find((point) => !before.points.some((one) => one.id === point.id))
  if (come) return `Point on ${come.category}`
  return gone ? `Point on ${gone.category} removed` : null
}

function turnChange(before: Sheet, after: Sheet, rules: Rules): string | null {
  if (after.active === before.active && after.isSettled === before.isSettled) return null
  return rules.mode.turn(after)
}

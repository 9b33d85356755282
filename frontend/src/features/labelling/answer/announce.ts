import { inWords } from "@/lib/answers"
import type { Rules } from "../modes/mode"
import { presenceOf, type Sheet, tilesOf } from "./sheet"

/** What changed between two sheets, in words for somebody who does not see it. */
export function announcement(before: Sheet, after: Sheet, rules: Rules): string | null {
  const change =
    tileChange(before, after, rules) ?? changedCategory(before, after) ?? pointChange(before, after)
  const said = [change, turnChange(before, after, rules)].filter((part) => part !== null)
  return said.length > 0 ? `${said.join(". ")}.` : null
}

function changedCategory(before: Sheet, after: Sheet): string | null {
  const changes = namesIn(before.presence, after.presence)
    .filter((name) => presenceOf(before, name) !== presenceOf(after, name))
    .map((name) => `${name} ${inWords(presenceOf(after, name))}`)
  return changes.length > 0 ? changes.join(", ") : null
}

const namesIn = (...records: Readonly<Record<string, unknown>>[]) => [
  ...new Set(records.flatMap((record) => Object.keys(record))),
]

function pointChange(before: Sheet, after: Sheet): string | null {
  const gone = before.points.find((point) => !after.points.some((one) => one.id === point.id))
  const come = after.points.find((point) => !before.points.some((one) => one.id === point.id))
  if (come) return `Point on ${come.category}`
  return gone ? `Point on ${gone.category} removed` : null
}

/** One tile is named by its place, several are counted. */
function tileChange(before: Sheet, after: Sheet, { grid }: Rules): string | null {
  const isSame = (name: string) => tilesOf(before, name).join() === tilesOf(after, name).join()
  const name = namesIn(before.tiles, after.tiles).find((one) => !isSame(one))
  if (name === undefined) return null
  const [old, now] = [tilesOf(before, name), tilesOf(after, name)]
  const isInBoth = (tile: number) => old.includes(tile) && now.includes(tile)
  const [tile, ...more] = [...new Set([...old, ...now])].filter((one) => !isInBoth(one))
  const count = `${now.length} of ${grid.rows * grid.cols} tiles`
  if (tile === undefined || more.length > 0) return `${name} in ${count}`
  const place = `row ${Math.floor(tile / grid.cols) + 1}, column ${(tile % grid.cols) + 1}`
  return `${name} ${now.includes(tile) ? "in" : "not in"} ${place}: ${count}`
}

function turnChange(before: Sheet, after: Sheet, rules: Rules): string | null {
  if (after.active === before.active && after.isSettled === before.isSettled) return null
  return rules.mode.turn(after)
}

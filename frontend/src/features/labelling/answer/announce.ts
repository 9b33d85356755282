import { presenceOf, type Sheet } from "./sheet"

/** What changed between two sheets, in words for somebody who does not see it. */
export function announcement(before: Sheet, after: Sheet): string | null {
  const changed = changedCategory(before, after)
  const turn = after.active === before.active ? null : turnOf(after)
  const said = [changed ?? pointChange(before, after), turn].filter((part) => part !== null)
  return said.length > 0 ? `${said.join(". ")}.` : null
}

function changedCategory(before: Sheet, after: Sheet): string | null {
  const names = new Set([...Object.keys(before.presence), ...Object.keys(after.presence)])
  const changes = [...names]
    .filter((name) => presenceOf(before, name) !== presenceOf(after, name))
    .map((name) => `${name} ${inWords[presenceOf(after, name)]}`)
  return changes.length > 0 ? changes.join(", ") : null
}

const inWords = { present: "present", absent: "absent", unsure: "not sure" }

function pointChange(before: Sheet, after: Sheet): string | null {
  const gone = before.points.find((point) => !after.points.some((one) => one.id === point.id))
  const come = after.points.find((point) => !before.points.some((one) => one.id === point.id))
  if (come) return `Point on ${come.category}`
  return gone ? `Point on ${gone.category} removed` : null
}

function turnOf(after: Sheet): string {
  if (after.active !== null) return `Click ${after.active}`
  return after.points.length > 0 ? "All points placed" : "Nothing to click"
}

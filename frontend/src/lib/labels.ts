import type { Label } from "@/api/images"
import type { Mode, Project } from "@/api/projects"
import { type Answer, answerOf } from "./answers"
import { NO_PLACES, type Places } from "./modes"

/** How giving each kind of label is called. */
export const WORK: Readonly<Record<string, string>> = {
  tags: "tagging",
  points: "clicking points",
  tiles: "tagging tiles",
  sweeps: "sweeps",
}

/** Each person's latest label, without those who skipped the image; in the order they first came. */
export function currentLabels(history: readonly Label[]): Label[] {
  const latest = new Map<number, Label>()
  for (const label of history.toSorted((a, b) => a.id - b.id)) latest.set(label.annotator_id, label)
  return [...latest.values()].filter(({ skipped }) => skipped === null)
}

/** A reviewer's decision among them, which counts in place of the others. */
export const decisionIn = (labels: readonly Label[]): Label | undefined =>
  labels.find(({ resolves }) => resolves)

/** The different answers to a category; who was not asked gave none. */
export function answersTo(category: string, labels: readonly Label[]): ReadonlySet<Answer> {
  return new Set(labels.map((label) => answerOf(label, category)).filter((one) => one !== null))
}

/** Whether one person says that the category is there and another that it is not. */
export function isDisputed(labels: readonly Label[], category: string): boolean {
  const answers = answersTo(category, labels)
  return answers.has("present") && answers.has("absent")
}

/** A history with pages of earlier revisions, newest first, each of them once. */
export function withEarlier(
  history: readonly Label[],
  pages: readonly { items: readonly Label[] }[],
): Label[] {
  const all = [...history, ...pages.flatMap(({ items }) => items)]
  return [...new Map(all.map((label) => [label.id, label])).values()].toSorted(
    (a, b) => b.id - a.id,
  )
}

export type Revision = { added: string[]; removed: string[] }

/** Which categories a label says are present that the same person's label before it did not. */
export function revisionOf(label: Label, history: readonly Label[]): Revision | null {
  const before = history.find(
    (other) => other.annotator_id === label.annotator_id && other.revision === label.revision - 1,
  )
  if (!before) return null
  return {
    added: label.present.filter((name) => !before.present.includes(name)),
    removed: before.present.filter((name) => !label.present.includes(name)),
  }
}

/** What a project asks for. */
export type Form = Pick<Project, "mode" | "tile_rows" | "tile_cols">

type Kept = (present: readonly string[], labels: readonly Label[], form: Form) => Places

/** What the first says who says anything. */
const firstSaid = <Place>(labels: readonly Label[], places: (label: Label) => Place[]) =>
  labels.map(places).find((given) => given.length > 0) ?? []

const keptPoints: Kept = (present, labels) => {
  const pointsOn = (name: string) =>
    firstSaid(labels, ({ points }) => points.filter(({ category }) => category === name))
  return { ...NO_PLACES, points: present.flatMap(pointsOn) }
}

/** Tiles of another grid say nothing of the project's own. */
const keptTiles: Kept = (present, labels, { tile_rows: rows, tile_cols: cols }) => {
  const onGrid = labels.filter(({ tiles }) => tiles?.rows === rows && tiles.cols === cols)
  const tilesOf = (name: string) => firstSaid(onGrid, ({ tiles }) => tiles?.present[name] ?? [])
  const marked = present.filter((name) => tilesOf(name).length > 0)
  const tagged = Object.fromEntries(marked.map((name) => [name, tilesOf(name)]))
  return { ...NO_PLACES, tiles: { rows, cols, present: tagged } }
}

const KEPT: Readonly<Record<Mode, Kept>> = {
  tags: () => NO_PLACES,
  points: keptPoints,
  "tags-and-points": keptPoints,
  tiles: keptTiles,
}

/** The places that are kept, of all that labels say of the present categories. */
export const keptPlaces: Kept = (present, labels, form) => KEPT[form.mode](present, labels, form)

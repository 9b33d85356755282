import type { Label } from "@/api/images"
import type { Mode, Project } from "@/api/projects"
import { type Answer, type Content, listed } from "@/lib/answers"
import { answersTo, isDisputed } from "@/lib/labels"
import { NO_PLACES, type Places } from "@/lib/modes"

/** What is decided so far. */
export type Decision = {
  /** By category name; one that is missing is open, or was not asked. */
  answers: Readonly<Record<string, Answer>>
  /** Whose places are kept where there is a choice. */
  preferred: Label | null
}

/** Where all agree it is decided already. */
export const startFrom = (labels: readonly Label[], categories: readonly string[]): Decision => ({
  answers: agreed(labels, categories),
  preferred: null,
})

function agreed(labels: readonly Label[], categories: readonly string[]): Decision["answers"] {
  const found = categories.flatMap((name): [string, Answer][] => {
    const [answer, ...others] = answersTo(name, labels)
    return answer && others.length === 0 ? [[name, answer]] : []
  })
  return Object.fromEntries(found)
}

/** All that a person said; what they were not asked stays as it was. */
export const taken = (
  { answers }: Decision,
  label: Label,
  categories: readonly string[],
): Decision => ({ answers: { ...answers, ...agreed([label], categories) }, preferred: label })

export const answered = (before: Decision, category: string, answer: Answer): Decision => ({
  ...before,
  answers: { ...before.answers, [category]: answer },
})

const NEXT: Record<Answer, Answer> = { present: "absent", absent: "unsure", unsure: "present" }

/** The next answer that a category's key gives. */
export const nextAnswer = (answer: Answer | undefined): Answer =>
  answer === undefined ? "present" : NEXT[answer]

/** The disputed categories without an answer. */
export const openCategories = (
  { answers }: Decision,
  labels: readonly Label[],
  categories: readonly string[],
): string[] => categories.filter((name) => isDisputed(labels, name) && !answers[name])

type Grid = Pick<Project, "tile_rows" | "tile_cols">

/** The places that are kept, of all that labels say of the present categories. */
type Kept = (present: readonly string[], labels: readonly Label[], grid: Grid) => Places

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

/** What the server is sent: the answers, and the places that people gave for what is present. */
export function contentOf(
  { answers, preferred }: Decision,
  labels: readonly Label[],
  project: Pick<Project, "mode"> & Grid,
): Content {
  const lists = listed(Object.keys(answers), (name) => answers[name])
  const sources = preferred ? [preferred, ...labels] : labels
  return { ...lists, ...KEPT[project.mode](lists.present, sources, project) }
}

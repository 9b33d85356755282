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

/** The points of the first who gave any for the category. */
const keptPoints: Kept = (present, labels) => {
  const pointsOn = (category: string) =>
    labels
      .map(({ points }) => points.filter((point) => point.category === category))
      .find((points) => points.length > 0) ?? []
  return { ...NO_PLACES, points: present.flatMap(pointsOn) }
}

/** The tiles of the first who marked any for the category, on the project's own grid. */
const keptTiles: Kept = (present, labels, { tile_rows: rows, tile_cols: cols }) => {
  const onGrid = labels
    .map(({ tiles }) => tiles)
    .filter((tiles) => tiles?.rows === rows && tiles.cols === cols)
  const marked = present.flatMap((name): [string, number[]][] => {
    const found = onGrid.map((tiles) => tiles?.present[name] ?? []).find((one) => one.length > 0)
    return found ? [[name, found]] : []
  })
  return { ...NO_PLACES, tiles: { rows, cols, present: Object.fromEntries(marked) } }
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

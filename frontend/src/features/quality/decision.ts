import type { Label } from "@/api/images"
import type { Project } from "@/api/projects"
import { type Answer, type Content, listed } from "@/lib/answers"
import { answersTo, isDisputed } from "@/lib/labels"
import { ASKED } from "@/lib/modes"

/** What is decided so far. */
export type Decision = {
  /** By category name; one that is missing is open, or was not asked. */
  answers: Readonly<Record<string, Answer>>
  /** Whose points and tiles are kept where there is a choice. */
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

type Grid = Pick<Project, "mode" | "tile_rows" | "tile_cols">

/** What the server is sent: the answers, and the places that people gave for what is present. */
export function contentOf(
  { answers, preferred }: Decision,
  labels: readonly Label[],
  project: Grid,
): Content {
  const lists = listed(Object.keys(answers), (name) => answers[name])
  const sources = preferred ? [preferred, ...labels] : labels
  const { asksPoints } = ASKED[project.mode]
  return {
    ...lists,
    points: asksPoints ? lists.present.flatMap((name) => pointsOf(name, sources)) : [],
    tiles: tilesOf(lists.present, sources, project),
  }
}

/** The points of the first who gave any for the category. */
const pointsOf = (category: string, sources: readonly Label[]): Label["points"] =>
  sources
    .map(({ points }) => points.filter((point) => point.category === category))
    .find((points) => points.length > 0) ?? []

/** The tiles of the first who marked any for each category, on the project's own grid. */
function tilesOf(present: readonly string[], sources: readonly Label[], grid: Grid) {
  const { mode, tile_rows: rows, tile_cols: cols } = grid
  if (!ASKED[mode].hasTiles) return null
  const onGrid = sources
    .map(({ tiles }) => tiles)
    .filter((tiles) => tiles?.rows === rows && tiles.cols === cols)
  const marked = present.flatMap((name): [string, number[]][] => {
    const found = onGrid.map((tiles) => tiles?.present[name] ?? []).find((one) => one.length > 0)
    return found ? [[name, found]] : []
  })
  return { rows, cols, present: Object.fromEntries(marked) }
}

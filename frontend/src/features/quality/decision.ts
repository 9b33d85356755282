import type { Label } from "@/api/images"
import type { Project } from "@/api/projects"
import type { LabelIn } from "@/api/quality"
import { type Answer, answerOf, isDisputed } from "@/lib/answers"

/** What is decided so far. */
export type Decision = {
  /** By category name; one that is missing is open, or was not asked. */
  said: Readonly<Record<string, Answer>>
  /** Whose points and tiles are kept where there is a choice. */
  preferred: Label | null
}

/** Where all agree it is decided already. */
export function startFrom(labels: readonly Label[], categories: readonly string[]): Decision {
  const agreed = categories.flatMap((name): [string, Answer][] => {
    const said = new Set(labels.map((label) => answerOf(label, name)).filter((one) => one !== null))
    const [answer] = said
    return said.size === 1 && answer ? [[name, answer]] : []
  })
  return { said: Object.fromEntries(agreed), preferred: null }
}

/** All that a person said; what they were not asked stays as it was. */
export function taken(before: Decision, label: Label, categories: readonly string[]): Decision {
  const theirs = categories.flatMap((name): [string, Answer][] => {
    const answer = answerOf(label, name)
    return answer ? [[name, answer]] : []
  })
  return { said: { ...before.said, ...Object.fromEntries(theirs) }, preferred: label }
}

export const answered = (before: Decision, category: string, answer: Answer): Decision => ({
  ...before,
  said: { ...before.said, [category]: answer },
})

const NEXT: Record<Answer, Answer> = { present: "absent", absent: "unsure", unsure: "present" }

/** The next answer that a category's key gives. */
export const nextAnswer = (answer: Answer | undefined): Answer =>
  answer === undefined ? "present" : NEXT[answer]

/** The disputed categories without an answer. */
export const openOnes = (
  { said }: Decision,
  labels: readonly Label[],
  categories: readonly string[],
): string[] => categories.filter((name) => isDisputed(labels, name) && !said[name])

type Content = Pick<LabelIn, Answer | "points" | "tiles">
type Grid = Pick<Project, "mode" | "tile_rows" | "tile_cols">

/** What the server is sent: the answers, and the places that people gave for what is present. */
export function toLabel(
  { said, preferred }: Decision,
  labels: readonly Label[],
  project: Grid,
): Content {
  const names = (answer: Answer) => Object.keys(said).filter((name) => said[name] === answer)
  const present = names("present")
  const sources = preferred ? [preferred, ...labels] : labels
  const asksForPoints = project.mode === "points" || project.mode === "tags-and-points"
  return {
    present,
    absent: names("absent"),
    unsure: names("unsure"),
    points: asksForPoints ? present.flatMap((name) => pointsOf(name, sources)) : [],
    tiles: tilesOf(present, sources, project),
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
  if (mode !== "tiles") return null
  const onGrid = sources
    .map(({ tiles }) => tiles)
    .filter((tiles) => tiles?.rows === rows && tiles.cols === cols)
  const marked = present.flatMap((name): [string, number[]][] => {
    const found = onGrid.map((tiles) => tiles?.present[name] ?? []).find((one) => one.length > 0)
    return found ? [[name, found]] : []
  })
  return { rows, cols, present: Object.fromEntries(marked) }
}

import type { Label } from "@/api/images"
import { type Answer, type Content, listed } from "@/lib/answers"
import { answersTo, type Form, isDisputed, keptPlaces } from "@/lib/labels"

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

/** What the server is sent: the answers, and the places that people gave for what is present. */
export function contentOf(
  { answers, preferred }: Decision,
  labels: readonly Label[],
  form: Form,
): Content {
  const lists = listed(Object.keys(answers), (name) => answers[name])
  const sources = preferred ? [preferred, ...labels] : labels
  return { ...lists, ...keptPlaces(lists.present, sources, form) }
}

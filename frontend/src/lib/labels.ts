import type { Label } from "@/api/images"
import { type Answer, answerOf } from "./answers"

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

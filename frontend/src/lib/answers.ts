import type { Label } from "@/api/images"
import type { LabelIn } from "@/api/quality"
import type { Places } from "./modes"

/** What a person may say of a category in an image. */
export const ANSWERS = ["present", "absent", "unsure"] as const
export type Answer = (typeof ANSWERS)[number]

/** What a label says of its image. */
export type Content = Pick<LabelIn, Answer> & Places

export const inWords = (answer: Answer): string => (answer === "unsure" ? "not sure" : answer)

/** Everything that was asked, in lists by its answer. */
export function listed<Asked>(
  asked: readonly Asked[],
  answerTo: (one: Asked) => Answer | undefined,
): Record<Answer, Asked[]> {
  const having = (answer: Answer) => asked.filter((one) => answerTo(one) === answer)
  return { present: having("present"), absent: having("absent"), unsure: having("unsure") }
}

/** What a label says of a category; null when it was not asked. */
export const answerOf = (label: Pick<Label, Answer>, category: string): Answer | null =>
  ANSWERS.find((answer) => label[answer].includes(category)) ?? null

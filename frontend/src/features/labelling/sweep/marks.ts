import type { SweptImage } from "@/api/sweeps"
import { type Answer, inWords, listed } from "@/lib/answers"

/** What a person marks on a page. */
export type Marks = {
  /** What an image is answered as that the person leaves alone. */
  rest: "absent" | "present"
  /** What the person has said, by the image's id. */
  own: ReadonlyMap<number, Answer>
}

export const NO_MARKS: Marks = { rest: "absent", own: new Map() }

type Asked = Pick<SweptImage, "id" | "ticked">

/** What the person says; else what is left alone, where the model's ticks count before "absent". */
export function answerFor(marks: Marks, image: Asked): Answer {
  return marks.own.get(image.id) ?? unmarked(marks, image)
}

function unmarked({ rest }: Marks, { ticked }: Asked): Answer {
  return rest === "present" || ticked ? "present" : "absent"
}

/** The image is an exception after all, or none. What was in doubt is as if left alone. */
export function toggled(marks: Marks, image: Asked): Marks {
  const before = answerFor(marks, image)
  if (before === "unsure") return withAnswer(marks, image, unmarked(marks, image))
  return withAnswer(marks, image, before === "present" ? "absent" : "present")
}

/** "Not sure"; again: as if left alone. */
export function doubted(marks: Marks, image: Asked): Marks {
  const isDoubted = answerFor(marks, image) === "unsure"
  return withAnswer(marks, image, isDoubted ? unmarked(marks, image) : "unsure")
}

/** What the person has said stays; all others turn. */
export function flipped(marks: Marks): Marks {
  return { ...marks, rest: marks.rest === "absent" ? "present" : "absent" }
}

export function withAnswer(marks: Marks, { id }: Asked, answer: Answer): Marks {
  return { ...marks, own: new Map([...marks.own, [id, answer]]) }
}

/** The images of a page by their answers. */
export function idsByAnswer(marks: Marks, images: readonly Asked[]): Record<Answer, number[]> {
  const answers = new Map(images.map((image) => [image.id, answerFor(marks, image)]))
  return listed([...answers.keys()], (id) => answers.get(id))
}

export function isSame(one: Marks, other: Marks, images: readonly Asked[]): boolean {
  return images.every((image) => answerFor(one, image) === answerFor(other, image))
}

/** How many images are answered how. */
export function sumOf({ present, absent, unsure }: Record<Answer, unknown[]>): string {
  const doubts = unsure.length > 0 ? ` · ${unsure.length} not sure` : ""
  return `${present.length} present · ${absent.length} absent${doubts}`
}

/** An image and its answer, to be read out. */
export function spoken(marks: Marks, image: Asked & Pick<SweptImage, "external_id">): string {
  return `${image.external_id}: ${inWords(answerFor(marks, image))}`
}

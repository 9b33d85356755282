import type { SweptImage } from "@/api/sweeps"

/** What is said of one image: is the category there? */
export type Answer = "present" | "absent" | "unsure"

/** The answers to a page while they are being given. */
export type Sheet = {
  /** What an image is answered as that the person leaves alone. */
  rest: "absent" | "present"
  /** What the person has said, by the image's id. */
  own: ReadonlyMap<number, Answer>
}

export const EMPTY_SHEET: Sheet = { rest: "absent", own: new Map() }

type Asked = Pick<SweptImage, "id" | "ticked">

/** What the person says; else what is left alone, where the model's ticks count before "absent". */
export function answerOf(sheet: Sheet, image: Asked): Answer {
  return sheet.own.get(image.id) ?? unmarked(sheet, image)
}

function unmarked({ rest }: Sheet, { ticked }: Asked): Answer {
  return rest === "present" || ticked ? "present" : "absent"
}

/** The image is an exception after all, or none. What was in doubt is as if left alone. */
export function toggled(sheet: Sheet, image: Asked): Sheet {
  const before = answerOf(sheet, image)
  if (before === "unsure") return withAnswer(sheet, image, unmarked(sheet, image))
  return withAnswer(sheet, image, before === "present" ? "absent" : "present")
}

/** "Not sure"; again: as if left alone. */
export function doubted(sheet: Sheet, image: Asked): Sheet {
  const isDoubted = answerOf(sheet, image) === "unsure"
  return withAnswer(sheet, image, isDoubted ? unmarked(sheet, image) : "unsure")
}

/** What the person has said stays; all others turn. */
export function flipped(sheet: Sheet): Sheet {
  return { ...sheet, rest: sheet.rest === "absent" ? "present" : "absent" }
}

function withAnswer(sheet: Sheet, { id }: Asked, answer: Answer): Sheet {
  return { ...sheet, own: new Map([...sheet.own, [id, answer]]) }
}

export type Said = Record<Answer, number[]>

/** Ids of the images by their answers. */
export function saidOf(sheet: Sheet, images: readonly Asked[]): Said {
  const said: Said = { present: [], absent: [], unsure: [] }
  for (const image of images) said[answerOf(sheet, image)].push(image.id)
  return said
}

export function isSame(one: Sheet, other: Sheet, images: readonly Asked[]): boolean {
  return images.every((image) => answerOf(one, image) === answerOf(other, image))
}

/** How many images are answered how. */
export function sumOf({ present, absent, unsure }: Said): string {
  const doubts = unsure.length > 0 ? ` · ${unsure.length} not sure` : ""
  return `${present.length} present · ${absent.length} absent${doubts}`
}

/** An image and its answer, to be read out. */
export function spoken(sheet: Sheet, image: Asked & Pick<SweptImage, "external_id">): string {
  const answer = answerOf(sheet, image)
  return `${image.external_id}: ${answer === "unsure" ? "not sure" : answer}`
}

import type { ImageFilter } from "./images"

const STATES = ["registered", "ready", "rejected", "labelled", "unlabelled", "disputed"] as const
const SAID = ["present", "absent", "unsure", "disputed"] as const

/** The filter in an address; what makes no sense there is no condition. */
export function parseImageFilter(search: Record<string, unknown>): ImageFilter {
  const state = oneOf(STATES, search.state)
  const category = nameIn(search.category)
  const said = oneOf(SAID, search.said)
  const annotator = idIn(search.annotator)
  return {
    ...(state && { state }),
    ...(category && { category }),
    ...(category && said && said !== "present" && { said }),
    ...(annotator && { annotator }),
    ...(search.disagrees === true && { disagrees: true }),
    ...(search.order === "uncertain" && { order: "uncertain" }),
  }
}

const oneOf = <Value extends string>(values: readonly Value[], value: unknown) =>
  values.find((one) => one === value)

/** A name that looks like a number is read as one from an address. */
function nameIn(value: unknown): string | null {
  if (typeof value === "number") return String(value)
  return typeof value === "string" && value.length <= 100 ? value : null
}

const idIn = (value: unknown): number | null =>
  Number.isSafeInteger(value) && Number(value) > 0 ? Number(value) : null

import type { ImageFilter, ListPlace } from "./images"

const STATES = [
  "registered",
  "ready",
  "rejected",
  "labelled",
  "unlabelled",
  "disputed",
  "flagged",
] as const
const SAID = ["present", "absent", "unsure", "disputed"] as const

const LONGEST_NAME = 500
const LONGEST_CATEGORY = 100
const LONGEST_PLACE = 50

/** Where in a list, as an address has it; after a place, before one, or by the page's number alone. */
export function parseListPlace(search: Record<string, unknown>): ListPlace {
  const { page } = search
  const after = nameIn(search.after, LONGEST_PLACE)
  const before = after ? null : nameIn(search.before, LONGEST_PLACE)
  return {
    ...(isPage(page) && { page }),
    ...(after && { after }),
    ...(before && { before }),
  }
}

/** Whether a page has this number: the first is where one is without a number, -1 is the last. */
const isPage = (page: unknown): page is number =>
  Number.isSafeInteger(page) && (Number(page) > 1 || page === LAST_PAGE) && Number(page) <= 1e8

export const LAST_PAGE = -1

/** The filter in an address; what makes no sense there is no condition. */
export function parseImageFilter(search: Record<string, unknown>): ImageFilter {
  const state = oneOf(STATES, search.state)
  const name = nameIn(search.name, LONGEST_NAME)
  const category = nameIn(search.category, LONGEST_CATEGORY)
  const said = oneOf(SAID, search.said)
  const annotator = idIn(search.annotator)
  return {
    ...(state && { state }),
    ...(name && { name }),
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
function nameIn(value: unknown, longest: number): string | null {
  if (typeof value === "number") return String(value)
  return typeof value === "string" && value.length <= longest ? value : null
}

const idIn = (value: unknown): number | null =>
  Number.isSafeInteger(value) && Number(value) > 0 ? Number(value) : null

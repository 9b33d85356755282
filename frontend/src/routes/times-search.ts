/** One label's time, or which labels are listed: those of a snapshot, or those that a figure counts. */
export type TimesSearch = {
  label?: number
  snapshot?: number
  annotator?: string
  by?: (typeof DIMENSIONS)[number]
  value?: string
}

const DIMENSIONS = ["all", "kind", "start", "category", "day"] as const

export function parseTimesSearch(search: Record<string, unknown>): TimesSearch {
  const { annotator, value } = search
  const label = idIn(search.label)
  const snapshot = idIn(search.snapshot)
  const by = DIMENSIONS.find((one) => one === search.by)
  if (label) return { label }
  if (snapshot) return { snapshot }
  return {
    ...(typeof annotator === "string" && /^a\d{1,9}$/.test(annotator) && { annotator }),
    ...(by && { by }),
    // A name that looks like a number is read as one from an address.
    ...((typeof value === "string" || typeof value === "number") && { value: String(value) }),
  }
}

const idIn = (value: unknown): number | null =>
  Number.isSafeInteger(value) && Number(value) > 0 ? Number(value) : null

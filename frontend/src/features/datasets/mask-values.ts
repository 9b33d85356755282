import type { Upload, UploadChange } from "@/api/datasets"

/** One value of the masks and what it means; without a name it is void. */
export type ValueRow = { value: string; name: string }

export type ValuesDraft = { rows: ValueRow[]; othersAreVoid: boolean }

const isColor = (value: string): boolean => value.startsWith("#") || value.includes(",")

/** What is known of the masks' values, and the values that were found in them. */
export function draftOf({ card, values }: Pick<Upload, "card" | "values">): ValuesDraft {
  const named = { ...(card.ids as object), ...(card.colors as object) } as Record<string, string>
  const rows = new Map(Object.entries(named).map(([value, name]) => [value, { value, name }]))
  const othersAreVoid = card.void === "others"
  const listed = Array.isArray(card.void) ? card.void.map(String) : []
  const found = values.map(({ value }) => value)
  for (const value of [...listed, ...(othersAreVoid ? [] : found)]) {
    if (!rows.has(value)) rows.set(value, { value, name: "" })
  }
  return { rows: [...rows.values()], othersAreVoid }
}

/** What is wrong with a table of values; null when nothing is. */
export function problemOf({ rows }: ValuesDraft): string | null {
  const used = rows.filter(({ value }) => value.trim() !== "")
  if (!used.some(({ name }) => name.trim() !== "")) return "Name a category for one value at least."
  const seen = new Set<string>()
  for (const { value } of used) {
    const text = value.trim()
    if (!isColor(text) && !/^-?\d+$/.test(text)) {
      return `${text} is neither a whole number nor a colour such as #804080.`
    }
    if (seen.has(text)) return `${text} is there twice.`
    seen.add(text)
  }
  const colors = used.filter(({ value }) => isColor(value)).length
  if (colors > 0 && colors < used.length) return "Masks have either numbers or colours."
  return null
}

/** The change that makes it known. */
export function changeOf({ rows, othersAreVoid }: ValuesDraft): UploadChange {
  const used = rows
    .map(({ value, name }) => ({ value: value.trim(), name: name.trim() }))
    .filter(({ value }) => value !== "")
  const names = Object.fromEntries(
    used.filter(({ name }) => name !== "").map(({ value, name }) => [value, name]),
  )
  const colored = used.some(({ value }) => isColor(value))
  const unnamed = used.filter(({ name }) => name === "").map(({ value }) => value)
  return {
    ...(colored ? { colors: names, ids: null } : { ids: names, colors: null }),
    void: othersAreVoid ? "others" : colored ? unnamed : unnamed.map(Number),
  }
}

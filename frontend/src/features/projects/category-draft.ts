import type { Category, CategoryChange, CategoryIn } from "@/api/projects"
import { isCategoryKey } from "@/lib/keys"
import { usualColor } from "./presets"

/** A category while it is being written. */
export type CategoryDraft = {
  /** Tells rows apart, not categories. */
  id: number
  /** The server's id; null while the project does not have it. */
  storedId: number | null
  name: string
  color: string
  /** Empty: none is wanted, or the server's choice. */
  key: string
}

export const MAX_CATEGORIES = 256

const ALL_KEYS = "abcdefghijklmnopqrstuvwxyz0123456789"

/** The first letter of the name that no other category has, else any free key; empty: none is. */
export function freeKey(name: string, taken: ReadonlySet<string>): string {
  const letters = name.toLowerCase().replace(/[^a-z0-9]/g, "")
  return [...letters, ...ALL_KEYS].find((key) => !taken.has(key)) ?? ""
}

/** Drafts of these names, each with a colour and, as far as there are any, a key of its own. */
export const draftCategories = (names: readonly string[]): CategoryDraft[] => addNames([], names)

/** The drafts of what a project has. */
export const storedDrafts = (categories: readonly Category[]): CategoryDraft[] =>
  categories.map(({ id, name, color, key }) => ({ id, storedId: id, name, color, key: key ?? "" }))

/** The drafts with those of the names that they lack. */
export function addNames(
  drafts: readonly CategoryDraft[],
  names: readonly string[],
): CategoryDraft[] {
  const all = [...drafts]
  const known = new Set(drafts.map((draft) => draft.name.trim()))
  const taken = new Set(drafts.map((draft) => draft.key))
  for (const name of names.filter((one) => !known.has(one))) {
    const key = freeKey(name, taken)
    taken.add(key)
    all.push({ ...emptyDraft(all), name, color: usualColor(name, all.length), key })
  }
  return all
}

/** The drafts with one more, empty row. */
export const addCategory = (drafts: readonly CategoryDraft[]): CategoryDraft[] => [
  ...drafts,
  emptyDraft(drafts),
]

/** The drafts with a category that was taken out back at the end. */
export const putBack = (drafts: readonly CategoryDraft[], category: Category): CategoryDraft[] => [
  ...drafts,
  ...storedDrafts([category]).map((draft) => ({ ...draft, id: emptyDraft(drafts).id })),
]

function emptyDraft(drafts: readonly CategoryDraft[]): CategoryDraft {
  const id = 1 + Math.max(-1, ...drafts.map((draft) => draft.id))
  return { id, storedId: null, name: "", color: usualColor("", drafts.length), key: "" }
}

/** The list with one item in another place; a place outside of the list is its end. */
export function moved<Item>(list: readonly Item[], from: number, to: number): Item[] {
  const item = list[from]
  if (item === undefined) return [...list]
  const others = list.toSpliced(from, 1)
  return others.toSpliced(Math.max(0, to), 0, item)
}

/** What the project has and the drafts have not. */
export const takenOut = (drafts: readonly CategoryDraft[], stored: readonly Category[]) =>
  stored.filter(({ id }) => !drafts.some((draft) => draft.storedId === id))

export function nameProblem(draft: CategoryDraft, drafts: readonly CategoryDraft[]): string | null {
  const name = draft.name.trim()
  if (!name) return "A name is missing."
  return drafts.some((other) => other.id !== draft.id && other.name.trim() === name)
    ? "This name is used twice."
    : null
}

export function keyProblem(draft: CategoryDraft, drafts: readonly CategoryDraft[]): string | null {
  if (!draft.key) return null
  if (!isCategoryKey(draft.key)) return "A key is one letter or digit."
  const holder = drafts.find((other) => other.id !== draft.id && other.key === draft.key)
  if (!holder) return null
  return `${draft.key.toUpperCase()} is also the key of ${holder.name.trim() || "another category"}.`
}

export const hasProblem = (drafts: readonly CategoryDraft[]): boolean =>
  drafts.some((draft) => nameProblem(draft, drafts) ?? keyProblem(draft, drafts))

/** What the server is sent; a row without a key gets one from the server while there are any. */
export const toCategories = (drafts: readonly CategoryDraft[]): CategoryIn[] =>
  drafts.map(({ name, color, key }) => ({ name: name.trim(), color, key: key || null }))

/** The same for a project that has categories already; null when nothing was changed. */
export function toCategoryChanges(
  drafts: readonly CategoryDraft[],
  stored: readonly Category[],
): CategoryChange[] | null {
  const changes = toCategories(drafts).map((category, index) => ({
    id: drafts[index]?.storedId ?? null,
    ...category,
  }))
  const before = stored.map(({ id, name, color, key }) => ({ id, name, color, key }))
  return JSON.stringify(changes) === JSON.stringify(before) ? null : changes
}

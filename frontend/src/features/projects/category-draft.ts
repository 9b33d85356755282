import type { CategoryIn } from "@/api/projects"
import { usualColor } from "./presets"

/** A category while it is being written; `id` tells rows apart, not categories. */
export type CategoryDraft = { id: number; name: string; color: string; key: string }

export const MAX_CATEGORIES = 36

const ALL_KEYS = "abcdefghijklmnopqrstuvwxyz0123456789"

/** The first letter of the name that no other category has, else any free key. */
export function freeKey(name: string, taken: ReadonlySet<string>): string {
  const letters = name.toLowerCase().replace(/[^a-z0-9]/g, "")
  return [...letters, ...ALL_KEYS].find((key) => !taken.has(key)) ?? ""
}

/** Drafts of these names, each with a colour and a key of its own. */
export function draftCategories(names: readonly string[]): CategoryDraft[] {
  const taken = new Set<string>()
  return names.map((name, id) => {
    const key = freeKey(name, taken)
    taken.add(key)
    return { id, name, color: usualColor(name, id), key }
  })
}

/** The drafts with one more, empty row. */
export function addCategory(drafts: readonly CategoryDraft[]): CategoryDraft[] {
  const id = 1 + Math.max(-1, ...drafts.map((draft) => draft.id))
  return [...drafts, { id, name: "", color: usualColor("", id), key: "" }]
}

/** What is wrong with one row; null when nothing is. */
export function problemOf(draft: CategoryDraft, drafts: readonly CategoryDraft[]): string | null {
  const others = drafts.filter((other) => other.id !== draft.id)
  const name = draft.name.trim()
  if (!name) return "A name is missing."
  if (others.some((other) => other.name.trim() === name)) return "This name is used twice."
  if (!draft.key) return null
  if (!/^[a-z0-9]$/.test(draft.key)) return "A key is one letter or digit."
  if (others.some((other) => other.key === draft.key)) return "This key is used twice."
  return null
}

/** What the server is sent; a row without a key gets one from the server. */
export const toCategories = (drafts: readonly CategoryDraft[]): CategoryIn[] =>
  drafts.map(({ name, color, key }) => ({ name: name.trim(), color, key: key || null }))

import type { Category } from "@/api/projects"
import type { Keys } from "../loop/transport"

/**
 * Told apart by nearly everybody (Okabe and Ito, 2008: Color Universal Design). Its black, which
 * is lost on a dark image, is grey here.
 */
const SAFE_COLORS = [
  "#e69f00",
  "#56b4e9",
  "#009e73",
  "#f0e442",
  "#0072b2",
  "#d55e00",
  "#cc79a7",
  "#999999",
]

export type Preferences = {
  /** Null before they are known. */
  keys: Keys | null
  hasSafeColors: boolean
}

/** The project's categories with the keys and colours that this person chose. */
export function personalCategories(
  categories: readonly Category[],
  { keys, hasSafeColors }: Preferences,
): Category[] {
  return categories.map((category, index) => ({
    ...category,
    key: keys === null ? category.key : (keys[category.name] ?? null),
    color: (hasSafeColors && SAFE_COLORS[index % SAFE_COLORS.length]) || category.color,
  }))
}

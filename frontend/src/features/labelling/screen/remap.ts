import { isCategoryKey } from "@/lib/keys"

/** Keys by category name. */
export type Keys = Readonly<Record<string, string>>

/** The key that is meant by names of a press; null for one that no category may have. */
export const keyAmong = (chords: readonly string[]): string | null =>
  chords.map((chord) => chord.replace("Shift+", "")).find(isCategoryKey) ?? null

/** Who has the key already; null when it is free, or the category's own. */
export function holderOf(key: string, category: string, keys: Keys): string | null {
  const holder = Object.keys(keys).find((name) => keys[name] === key)
  return holder === undefined || holder === category ? null : holder
}

/** The category gets the key; whoever had it gets the category's old one, if there was one. */
export function rekeyed(keys: Keys, category: string, key: string): Record<string, string> {
  const holder = holderOf(key, category, keys)
  const old = keys[category]
  const others = Object.entries(keys).filter(([name]) => name !== holder)
  const swapped = holder !== null && old !== undefined ? { [holder]: old } : {}
  return { ...Object.fromEntries(others), ...swapped, [category]: key }
}

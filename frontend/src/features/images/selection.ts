/** Which images are chosen, and from which one the next range starts. */
export type Selection = { ids: ReadonlySet<number>; anchor: number | null }

export const NOTHING_SELECTED: Selection = { ids: new Set(), anchor: null }

/** One more image chosen, or one less. */
export function toggled({ ids }: Selection, id: number): Selection {
  const others = new Set(ids)
  if (!others.delete(id)) others.add(id)
  return { ids: others, anchor: id }
}

/** All from the last one to this one do as the last one did; `order` is how they are shown. */
export function extended(selection: Selection, id: number, order: readonly number[]): Selection {
  const { ids, anchor } = selection
  const from = anchor === null ? -1 : order.indexOf(anchor)
  const to = order.indexOf(id)
  if (anchor === null || from === -1 || to === -1) return toggled(selection, id)
  const range = order.slice(Math.min(from, to), Math.max(from, to) + 1)
  const others = [...ids].filter((one) => !range.includes(one))
  return { ids: new Set(ids.has(anchor) ? [...others, ...range] : others), anchor: id }
}

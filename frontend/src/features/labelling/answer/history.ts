/** A value with what it was and what it was going to be. */
export type History<Value> = {
  readonly past: readonly Value[]
  readonly present: Value
  readonly future: readonly Value[]
  /** The last change: a quick further one of the same kind is one step with it. */
  readonly last: { readonly kind: string; readonly at: number } | null
}

const MERGE_MS = 250
const MOST_STEPS = 200

export function startHistory<Value>(present: Value): History<Value> {
  return { past: [], present, future: [], last: null }
}

/** Changes of the same `kind` that follow within 250 ms become one step, as in a drag. */
export function changed<Value>(
  history: History<Value>,
  next: Value,
  kind: string,
  at: number,
): History<Value> {
  if (next === history.present) return history
  const { last } = history
  const isSameStep = last !== null && last.kind === kind && at - last.at <= MERGE_MS
  const past = isSameStep ? history.past : [...history.past, history.present].slice(-MOST_STEPS)
  return { past, present: next, future: [], last: { kind, at } }
}

/** A change that is not worth a step of its own. */
export function revised<Value>(history: History<Value>, next: Value): History<Value> {
  return next === history.present ? history : { ...history, present: next }
}

export function undone<Value>(history: History<Value>): History<Value> {
  const before = history.past.at(-1)
  if (before === undefined) return history
  return {
    past: history.past.slice(0, -1),
    present: before,
    future: [history.present, ...history.future],
    last: null,
  }
}

export function redone<Value>(history: History<Value>): History<Value> {
  const [next, ...future] = history.future
  if (next === undefined) return history
  return { past: [...history.past, history.present], present: next, future, last: null }
}

import type { Shortcut } from "@/lib/commands"

/** The keys of a review: take all that one person said, save, go on. */
export const KEYS = { take: ["ArrowLeft", "ArrowRight"], submit: "Enter", later: "." } as const

type Actions = {
  take: (person: number) => void
  submit: () => void
  later: () => void
  /** A category's key: its next answer. */
  turn: (category: string) => void
}

/** @param keys keys by category name */
export const reviewShortcuts = (
  keys: Readonly<Record<string, string>>,
  { take, submit, later, turn }: Actions,
): Shortcut[] => [
  ...KEYS.take.map((key, person) => ({ keys: [key], run: () => take(person) })),
  { keys: [KEYS.submit], run: submit },
  { keys: [KEYS.later], run: later },
  ...Object.entries(keys).map(([category, key]) => ({
    keys: [key, `Shift+${key}`],
    run: () => turn(category),
  })),
]

import type { Category } from "@/api/projects"
import { chordsOf, isCategoryKey } from "@/lib/keys"
import type { Grid } from "../answer/geometry"
import { COMMANDS, type Command, type CommandId } from "./commands"

/** What a key does. */
export type Binding =
  | { kind: "command"; command: Command }
  | { kind: "tick"; category: Category }
  | { kind: "doubt"; category: Category }
  | { kind: "tile"; tile: number }

const PAD = ["789", "456", "123"].map((row) => [...row].map((digit) => `Numpad${digit}`))

export type Keymap = ReadonlyMap<string, Binding>

/**
 * Every key of a labelling page. A category's letter goes before a command's spare. `grid`: the
 * tiles of the project, where it has any; up to 3 x 3 of them lie on the numeric keypad.
 */
export function keymapOf(categories: readonly Category[], grid: Grid | null = null): Keymap {
  const map = new Map<string, Binding>([...categoryKeys(categories), ...tileKeys(grid)])
  const commands: readonly Command[] = COMMANDS
  for (const command of commands) {
    for (const key of command.keys) map.set(key, { kind: "command", command })
    for (const key of command.spare ?? []) {
      if (!map.has(key)) map.set(key, { kind: "command", command })
    }
  }
  return map
}

function* categoryKeys(categories: readonly Category[]): Generator<[string, Binding]> {
  for (const category of categories) {
    if (category.key === null) continue
    yield [category.key, { kind: "tick", category }]
    yield [`Shift+${category.key}`, { kind: "doubt", category }]
  }
}

function* tileKeys(grid: Grid | null): Generator<[string, Binding]> {
  if (!grid || grid.rows > PAD.length || grid.cols > PAD.length) return
  const keys = PAD.slice(0, grid.rows).flatMap((row) => row.slice(0, grid.cols))
  for (const [tile, key] of keys.entries()) yield [key, { kind: "tile", tile }]
}

/** The keys of a command in this project, the surest first. */
export function keysOf(id: CommandId, keymap: Keymap): string[] {
  return [...keymap]
    .filter(([, binding]) => binding.kind === "command" && binding.command.id === id)
    .map(([key]) => key)
}

/** What the event means; null when it is somebody else's. The keypad's own keys go first. */
export function meaningOf(event: KeyboardEvent, keymap: Keymap): Binding | null {
  const chords = chordsOf(event)
  const isPlain = !(event.ctrlKey || event.metaKey || event.shiftKey)
  if (isPlain && chords.length > 0) chords.unshift(event.code)
  return chords.map((chord) => keymap.get(chord)).find(Boolean) ?? null
}

const SIGNS: Record<string, string> = {
  ArrowLeft: "←",
  ArrowRight: "→",
  ArrowUp: "↑",
  ArrowDown: "↓",
  Backspace: "⌫",
  Delete: "Del",
  PageUp: "Page ↑",
  PageDown: "Page ↓",
  Escape: "Esc",
  Enter: "Enter",
  "-": "−",
}

/** A chord as it is drawn on a key cap. */
export function capOf(chord: string): string {
  return chord
    .split(/(?<=.)\+(?=.)/)
    .map((part) => SIGNS[part] ?? (isCategoryKey(part) ? part.toUpperCase() : part))
    .join(" + ")
}

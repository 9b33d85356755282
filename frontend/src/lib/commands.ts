import { useEffect, useLayoutEffect, useRef } from "react"
import { capOf, chordsOf } from "./keys"

/** What keys do. */
export type Shortcut = {
  /** Called as in `chordsOf`. */
  keys: readonly string[]
  run: () => void
  /** The key was let go; not meant when the page lost the keyboard meanwhile. */
  release?: (isMeant: boolean) => void
  /** May run again and again while the key is down. */
  repeats?: boolean
}

/** A row in a page's table of commands, which its keys, buttons and help read. */
export type CommandRow<Id extends string = string> = Pick<Shortcut, "keys" | "repeats"> & {
  id: Id
  group: string
  label: string
  /** Listed only where the page has it. */
  needs?: string
}

export type Command = CommandRow & Shortcut
export type Commands<Id extends string> = Readonly<Record<Id, Command>>
export type Action = Shortcut["run"] | Pick<Shortcut, "run" | "release">

/** A table's commands by their ids, each with what it does. */
export function commandsOf<Id extends string>(
  table: readonly CommandRow<Id>[],
  actions: Readonly<Record<Id, Action>>,
): Commands<Id> {
  const bound = table.map((row): [Id, Command] => {
    const action = actions[row.id]
    return [row.id, { ...row, ...(typeof action === "function" ? { run: action } : action) }]
  })
  return Object.fromEntries(bound) as Commands<Id>
}

/** A command and all its keys, for whoever looks at its button. */
export const hintOf = ({ label, keys }: Command): string =>
  `${label} (${keys.map(capOf).join(" or ")})`

/** Listens to the whole page for as long as `isOn`; fields and buttons keep the keys they need. */
export function useShortcuts(shortcuts: readonly Shortcut[], isOn = true): void {
  const latest = useRef(shortcuts)
  useEffect(() => {
    latest.current = shortcuts
  })
  // Before the page is painted: a key that is pressed as soon as it can be is not lost.
  useLayoutEffect(() => {
    if (!isOn) return
    const held = new Map<string, Shortcut>()
    const down = (event: KeyboardEvent) => {
      const shortcut = shortcutFor(event, latest.current)
      if (!shortcut) return
      event.preventDefault()
      if (event.repeat && !shortcut.repeats) return
      shortcut.run()
      held.set(event.code, shortcut)
    }
    const letGo = (code: string, isMeant: boolean) => {
      held.get(code)?.release?.(isMeant)
      held.delete(code)
    }
    const up = (event: KeyboardEvent) => {
      // A button presses itself when Space comes up; by then the key has done its work.
      if (held.has(event.code)) event.preventDefault()
      letGo(event.code, true)
    }
    const letAllGo = () => {
      for (const code of [...held.keys()]) letGo(code, false)
    }
    window.addEventListener("keydown", down)
    window.addEventListener("keyup", up)
    window.addEventListener("blur", letAllGo)
    return () => {
      letAllGo()
      window.removeEventListener("keydown", down)
      window.removeEventListener("keyup", up)
      window.removeEventListener("blur", letAllGo)
    }
  }, [isOn])
}

/** What the event means here; null when it is somebody else's. */
export function shortcutFor<Some extends Shortcut>(
  event: KeyboardEvent,
  shortcuts: readonly Some[],
): Some | null {
  return event.defaultPrevented || isNeededBy(event) ? null : meaningOf(event, shortcuts)
}

/** What keys mean wherever they are pressed. The keypad's own names go first. */
export function meaningOf<Some extends Shortcut>(
  event: KeyboardEvent,
  shortcuts: readonly Some[],
): Some | null {
  const chords = chordsOf(event)
  const isPlain = !(event.ctrlKey || event.metaKey || event.shiftKey)
  const isOnPad = isPlain && event.code.startsWith("Numpad") && chords.length > 0
  const names = isOnPad ? [event.code, ...chords] : chords
  const called = (name: string) => shortcuts.find(({ keys }) => keys.includes(name))
  return names.map(called).find(Boolean) ?? null
}

const FIELDS = "input:not([type=range]), textarea, select, [contenteditable], dialog, [role=menu]"
const PRESSED_BY_KEY = "a[href], button:not([data-tile]), [role=button], summary"
const MOVES = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home"]

function isNeededBy({ target, key, code }: KeyboardEvent): boolean {
  if (key === "Escape" && document.querySelector(":popover-open")) return true
  if (!(target instanceof Element)) return false
  if (target.closest(FIELDS)) return true
  if (target.matches("input[type=range]")) return MOVES.includes(key)
  const isPress = key === "Enter" || key === " " || code === "Space"
  return isPress && target.closest(PRESSED_BY_KEY) !== null
}

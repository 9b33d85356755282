import { useEffect, useRef } from "react"
import { type Binding, type CommandId, chordOf, type Keymap } from "./commands"

export type KeyHandlers = {
  run: (id: CommandId) => void
  /** A held command's key was let go. */
  release: (id: CommandId) => void
  tick: (category: string) => void
  doubt: (category: string) => void
}

const TEXT_INPUTS = "input:not([type=range]), textarea, select, [contenteditable]"
const PRESSED_BY_KEY = "a[href], button, [role=button], summary"
const MOVES = ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "Home"]

/** Listens to the whole page for as long as `isOn`; inputs keep the keys they need. */
export function useKeys(keymap: Keymap, handlers: KeyHandlers, isOn: boolean): void {
  const latest = useRef(handlers)
  useEffect(() => {
    latest.current = handlers
  })
  useEffect(() => {
    if (!isOn) return
    const held = new Map<string, CommandId>()
    const down = (event: KeyboardEvent) => {
      const binding = bindingOf(event, keymap)
      if (!binding) return
      event.preventDefault()
      if (event.repeat && !mayRepeat(binding)) return
      act(binding, latest.current)
      const id = heldCommand(binding)
      if (id) held.set(event.code, id)
    }
    const up = (event: KeyboardEvent) => letGo(event.code)
    const letGo = (code: string) => {
      const id = held.get(code)
      if (id) latest.current.release(id)
      held.delete(code)
    }
    const letAllGo = () => [...held.keys()].forEach(letGo)
    window.addEventListener("keydown", down)
    window.addEventListener("keyup", up)
    window.addEventListener("blur", letAllGo)
    return () => {
      letAllGo()
      window.removeEventListener("keydown", down)
      window.removeEventListener("keyup", up)
      window.removeEventListener("blur", letAllGo)
    }
  }, [keymap, isOn])
}

/** What the event means here; null when it is somebody else's. */
export function bindingOf(event: KeyboardEvent, keymap: Keymap): Binding | null {
  if (event.defaultPrevented || event.isComposing) return null
  const chord = chordOf(event)
  if (chord === null || isNeededBy(event.target, chord)) return null
  return keymap.get(chord) ?? null
}

function isNeededBy(target: EventTarget | null, chord: string): boolean {
  if (!(target instanceof Element)) return false
  if (target.closest(TEXT_INPUTS)) return true
  if (target.matches("input[type=range]")) return MOVES.includes(chord)
  const isPress = chord === "Enter" || chord === "Space"
  return isPress && target.closest(PRESSED_BY_KEY) !== null
}

function mayRepeat(binding: Binding): boolean {
  return binding.kind === "command" && binding.command.repeats === true
}

function heldCommand(binding: Binding): CommandId | null {
  return binding.kind === "command" && binding.command.held ? binding.command.id : null
}

function act(binding: Binding, handlers: KeyHandlers): void {
  if (binding.kind === "command") handlers.run(binding.command.id)
  else if (binding.kind === "tick") handlers.tick(binding.category.name)
  else handlers.doubt(binding.category.name)
}

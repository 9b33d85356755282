import { useEffect, useRef } from "react"
import type { CommandId } from "./commands"
import { type Binding, type Keymap, meaningOf } from "./keymap"

export type KeyHandlers = {
  run: (id: CommandId) => void
  /** A held command's key was let go. */
  release: (id: CommandId) => void
  /** A category's key went down. */
  hold: (category: string) => void
  /** A category's key was let go; not meant when the page lost the keyboard meanwhile. */
  letGo: (category: string, isMeant: boolean) => void
  doubt: (category: string) => void
  /** A tile was chosen on the keypad. */
  pressTile: (tile: number) => void
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
    const held = new Map<string, Binding>()
    const down = (event: KeyboardEvent) => {
      const binding = bindingOf(event, keymap)
      if (!binding) return
      event.preventDefault()
      if (event.repeat && !mayRepeat(binding)) return
      act(binding, latest.current)
      held.set(event.code, binding)
    }
    const letGo = (code: string, isMeant: boolean) => {
      const binding = held.get(code)
      if (binding) endOf(binding, latest.current, isMeant)
      held.delete(code)
    }
    const up = (event: KeyboardEvent) => letGo(event.code, true)
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
  }, [keymap, isOn])
}

/** What the event means here; null when it is somebody else's. */
export function bindingOf(event: KeyboardEvent, keymap: Keymap): Binding | null {
  if (event.defaultPrevented || isNeededBy(event)) return null
  return meaningOf(event, keymap)
}

function isNeededBy({ target, key }: KeyboardEvent): boolean {
  if (key === "Escape" && document.querySelector(":popover-open")) return true
  if (!(target instanceof Element)) return false
  if (target.closest(TEXT_INPUTS)) return true
  if (target.matches("input[type=range]")) return MOVES.includes(key)
  const isPress = key === "Enter" || key === " "
  return isPress && target.closest(PRESSED_BY_KEY) !== null
}

function mayRepeat(binding: Binding): boolean {
  return binding.kind === "command" && binding.command.repeats === true
}

function act(binding: Binding, handlers: KeyHandlers): void {
  if (binding.kind === "command") handlers.run(binding.command.id)
  else if (binding.kind === "tick") handlers.hold(binding.category.name)
  else if (binding.kind === "doubt") handlers.doubt(binding.category.name)
  else handlers.pressTile(binding.tile)
}

/** What a key did ends when it is let go. */
function endOf(binding: Binding, handlers: KeyHandlers, isMeant: boolean): void {
  if (binding.kind === "tick") handlers.letGo(binding.category.name, isMeant)
  else if (binding.kind === "command" && binding.command.held) handlers.release(binding.command.id)
}

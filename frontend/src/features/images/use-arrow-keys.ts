import { useEffect } from "react"

const OWN_ARROWS = "input, select, textarea, dialog, [role=menu], [role=radiogroup]"

export type Direction = "previous" | "next"

/** Calls back for the arrow keys left and right, unless what has the focus needs them itself. */
export function useArrowKeys(onKey: (direction: Direction) => void): void {
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      const direction = directionOf(event)
      if (direction) onKey(direction)
    }
    window.addEventListener("keydown", press)
    return () => window.removeEventListener("keydown", press)
  }, [onKey])
}

const DIRECTIONS: Record<string, Direction> = { ArrowLeft: "previous", ArrowRight: "next" }

function directionOf(event: KeyboardEvent): Direction | undefined {
  const { altKey, ctrlKey, metaKey, shiftKey, target } = event
  if (altKey || ctrlKey || metaKey || shiftKey) return undefined
  if (target instanceof Element && target.closest(OWN_ARROWS)) return undefined
  return DIRECTIONS[event.key]
}

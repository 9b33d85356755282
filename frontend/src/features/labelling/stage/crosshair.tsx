import { type KeyboardEvent, useState } from "react"
import type { Size, Spot } from "../answer/geometry"
import styles from "./stage.module.css"
import type { Viewport } from "./viewport"

const STEP = 16
const SMALL_STEP = 1

const DIRECTIONS: Record<string, Spot> = {
  ArrowLeft: { x: -1, y: 0 },
  ArrowRight: { x: 1, y: 0 },
  ArrowUp: { x: 0, y: -1 },
  ArrowDown: { x: 0, y: 1 },
}

type Options = { imageId: number; viewport: Viewport; size: Size; onPlace: (at: Spot) => void }

/** Placing points without a pointer: arrows (fine with Shift) move, Space places. */
export function useCrosshair({ imageId, size, onPlace }: Options) {
  const [place, setPlace] = useState<{ imageId: number; at: Spot } | null>(null)
  const middle = { x: size.width / 2, y: size.height / 2 }
  const at = place && (place.imageId === imageId ? place.at : middle)
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    if (at === null || event.ctrlKey || event.metaKey || event.altKey) return
    const direction = DIRECTIONS[event.key]
    if (direction)
      setPlace({ imageId, at: stepped(at, direction, { size, isSmall: event.shiftKey }) })
    else if (event.key === " ") onPlace(at)
    else return
    event.preventDefault()
  }
  const onFocus = (event: { currentTarget: HTMLElement }) => {
    if (event.currentTarget.matches(":focus-visible")) setPlace({ imageId, at: middle })
  }
  return { at, handlers: { onKeyDown, onFocus, onBlur: () => setPlace(null) } }
}

function stepped(
  at: Spot,
  direction: Spot,
  { size, isSmall }: { size: Size; isSmall: boolean },
): Spot {
  const step = isSmall ? SMALL_STEP : STEP
  return {
    x: Math.min(size.width, Math.max(0, at.x + direction.x * step)),
    y: Math.min(size.height, Math.max(0, at.y + direction.y * step)),
  }
}

/** Nothing where there is none. */
export function Crosshair({ at }: { at: Spot | null }) {
  if (!at) return null
  return (
    <div
      className={styles.crosshair}
      style={{ transform: `translate(${at.x}px, ${at.y}px)` }}
      aria-hidden="true"
    />
  )
}

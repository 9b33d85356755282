import {
  type KeyboardEvent,
  type PointerEvent as ReactPointerEvent,
  type RefObject,
  useEffect,
  useState,
} from "react"
import { flushSync } from "react-dom"

type Move = (from: number, to: number) => void

/**
 * Lets the children of `list` change places, by dragging a handle or by keys on it: the arrows move
 * by one, Home and End to the ends.
 */
export function useReorder(list: RefObject<HTMLElement | null>, move: Move) {
  const [dragged, setDragged] = useState<number | null>(null)
  useEffect(() => {
    if (dragged === null) return
    const follow = ({ clientY }: PointerEvent) => {
      const place = placeAt(list.current, clientY)
      if (place === dragged) return
      move(dragged, place)
      setDragged(place)
    }
    const drop = () => setDragged(null)
    window.addEventListener("pointermove", follow)
    window.addEventListener("pointerup", drop)
    window.addEventListener("pointercancel", drop)
    return () => {
      window.removeEventListener("pointermove", follow)
      window.removeEventListener("pointerup", drop)
      window.removeEventListener("pointercancel", drop)
    }
  }, [dragged, list, move])
  const handleAt = (index: number) => ({
    onPointerDown: ({ button }: ReactPointerEvent) => {
      if (button === 0) setDragged(index)
    },
    onKeyDown: (event: KeyboardEvent<HTMLElement>) => {
      const place = placeByKey(event.key, index, list.current?.children.length ?? 0)
      if (place === null) return
      event.preventDefault()
      const handle = event.currentTarget
      flushSync(() => move(index, place))
      // A row that the browser puts elsewhere loses the focus.
      handle.focus()
    },
  })
  return { dragged, handleAt }
}

function placeByKey(key: string, index: number, count: number): number | null {
  const places: Record<string, number> = {
    ArrowUp: index - 1,
    ArrowDown: index + 1,
    Home: 0,
    End: count - 1,
  }
  const place = places[key]
  return place === undefined ? null : Math.min(count - 1, Math.max(0, place))
}

/** Which child is at this height; above the first and below the last it is these. */
function placeAt(list: HTMLElement | null, y: number): number {
  const rows = [...(list?.children ?? [])]
  const found = rows.findIndex((row) => y < row.getBoundingClientRect().bottom)
  return found === -1 ? rows.length - 1 : found
}

import { type FocusEvent, type KeyboardEvent, useState } from "react"

type Options<Place> = {
  imageId: number
  start: Place
  /** Where a key takes it; null for keys that do not move it. */
  moved: (from: Place, event: KeyboardEvent) => Place | null
  onPress: (place: Place) => void
}

/** Choosing places without a pointer: arrows move, Space presses. No place while the keyboard is elsewhere. */
export function useKeyCursor<Place>({ imageId, start, moved, onPress }: Options<Place>) {
  const [kept, setKept] = useState<{ imageId: number; place: Place } | null>(null)
  const place = kept && (kept.imageId === imageId ? kept.place : start)
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    if (place === null || event.ctrlKey || event.metaKey || event.altKey) return
    const next = moved(place, event)
    if (next !== null) setKept({ imageId, place: next })
    else if (event.key === " ") onPress(place)
    else return
    event.preventDefault()
  }
  const onFocus = (event: FocusEvent<HTMLElement>) => {
    if (event.currentTarget.matches(":focus-visible")) setKept({ imageId, place: start })
  }
  return { place, handlers: { onKeyDown, onFocus, onBlur: () => setKept(null) } }
}

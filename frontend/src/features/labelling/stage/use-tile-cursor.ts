import { type KeyboardEvent, useState } from "react"
import type { Grid } from "../answer/geometry"
import { tileBeside } from "../answer/tiles"

type Options = { imageId: number; grid: Grid; onPress: (tile: number) => void }

/** Choosing tiles without a pointer: arrows go from tile to tile, Space presses one. */
export function useTileCursor({ imageId, grid, onPress }: Options) {
  const [place, setPlace] = useState<{ imageId: number; tile: number } | null>(null)
  const tile = place && (place.imageId === imageId ? place.tile : 0)
  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    if (tile === null || event.ctrlKey || event.metaKey || event.altKey) return
    const next = tileBeside(tile, event.key, grid)
    if (next !== null) setPlace({ imageId, tile: next })
    else if (event.key === " ") onPress(tile)
    else return
    event.preventDefault()
  }
  const onFocus = (event: { currentTarget: HTMLElement }) => {
    if (event.currentTarget.matches(":focus-visible")) setPlace({ imageId, tile: tile ?? 0 })
  }
  return { tile, handlers: { onKeyDown, onFocus, onBlur: () => setPlace(null) } }
}

import { useCallback, useState } from "react"
import type { Size } from "../answer/geometry"
import { type Bounds, resized, type Viewport, wholeView } from "./viewport"

type View = { imageId: number; bounds: Bounds; viewport: Viewport }

const isSameSize = (one: Size, other: Size) =>
  one.width === other.width && one.height === other.height

/** Each image starts as a whole; a stage that changes its size keeps what is seen. */
export function useViewport(imageId: number, bounds: Bounds) {
  const [kept, setView] = useState<View>(() => started(imageId, bounds))
  const view = followed(kept, imageId, bounds)
  if (view !== kept) setView(view)
  const change = useCallback((next: (viewport: Viewport, bounds: Bounds) => Viewport) => {
    setView((now) => ({ ...now, viewport: next(now.viewport, now.bounds) }))
  }, [])
  return [view.viewport, change] as const
}

function started(imageId: number, bounds: Bounds): View {
  return { imageId, bounds, viewport: wholeView(bounds) }
}

function followed(view: View, imageId: number, bounds: Bounds): View {
  if (view.imageId !== imageId) return started(imageId, bounds)
  if (isSameSize(view.bounds.stage, bounds.stage)) return view
  return { imageId, bounds, viewport: resized(view.viewport, view.bounds, bounds) }
}

import { useMemo } from "react"
import type { Category } from "@/api/projects"
import type { Size, Spot } from "../answer/geometry"
import { indexAt, type Mask, paintMask } from "./mask"
import type { Overlay } from "./overlay-maker"
import { toImage, type Viewport } from "./viewport"

/** How the prediction is to be seen. */
export type OverlayView = {
  /** 0 hides it. */
  opacity: number
  /** The category that is shown alone; null for all of them. */
  only: string | null
  /** Whether the category under the cursor is shown alone. */
  isSingle: boolean
}

type Options = {
  overlay: Overlay | null
  view: OverlayView
  categories: readonly Category[]
  image: Size
  viewport: Viewport
  /** Where the cursor is, in stage pixels. */
  seen: Spot | null
}

/** What is drawn of the prediction, and which category it has under the cursor. */
export function useOverlay({ overlay, view, categories, image, viewport, seen }: Options) {
  const shown = view.opacity > 0 ? overlay : null
  const mask = shown?.mask ?? null
  const under = mask && seen ? indexUnder(mask, toImage(viewport, seen), image) : null
  const named = categories.findIndex((category) => category.name === view.only)
  const single = singleOf(named, view.isSingle ? under : null)
  const color = categories[single]?.color
  const alone = useMemo(
    () => (mask && color ? paintedAlone(mask, single, color) : null),
    [mask, single, color],
  )
  return { bitmap: alone ?? shown?.bitmap ?? null, category: categories[under ?? -1] ?? null }
}

/** The index that is shown alone; -1 for none. */
function singleOf(named: number, under: number | null): number {
  return named >= 0 ? named : (under ?? -1)
}

function indexUnder(mask: Mask, spot: Spot, image: Size): number | null {
  const x = (spot.x * mask.width) / image.width
  const y = (spot.y * mask.height) / image.height
  return indexAt(mask, { x, y })
}

function paintedAlone(mask: Mask, index: number, color: string): HTMLCanvasElement {
  const canvas = document.createElement("canvas")
  canvas.width = mask.width
  canvas.height = mask.height
  const pixels = paintMask(mask, new Map([[index, color]]))
  canvas.getContext("2d")?.putImageData(new ImageData(pixels, mask.width, mask.height), 0, 0)
  return canvas
}

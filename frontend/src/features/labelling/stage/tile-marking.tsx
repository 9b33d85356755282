import { useRef } from "react"
import { lazily } from "@/components/lazily"
import type { Spot } from "../answer/geometry"
import { isInTile, markTiles, tileAt, tileBeside, tilesBetween } from "../answer/tiles"
import type { Marked, Marking, MarkingProps, OnStage } from "./marking"
import { useKeyCursor } from "./use-key-cursor"
import { toImage } from "./viewport"

const TileLayer = lazily(async () => (await import("./tile-layer")).TileLayer)

/** Tiles of the active category: pressed, brushed over, or gone through by keys. */
export const tileMarking: Marking = {
  name: "Image. Arrow keys go from tile to tile, Space chooses one for the category.",
  hasBrush: true,
  useMarking: useTiles,
  preload: TileLayer.preload,
}

function useTiles(props: MarkingProps): OnStage {
  const { imageId, image, viewport, size, marks, sheet, rules, handlers } = props
  const { grid } = rules
  /** Whether the brush in hand adds tiles, which its first one decides. */
  const isAdding = useRef(true)
  const press = (tile: number) => markTiles([tile], !isInTile(sheet, tile), handlers.edit)
  const tap = (at: Spot) => {
    const tile = tileAt(toImage(viewport, at), image, grid)
    if (tile !== null) press(tile)
  }
  const brush = ({ from, to, isFirst }: Extract<Marked, { kind: "brush" }>) => {
    const tiles = tilesBetween(toImage(viewport, from), toImage(viewport, to), image, grid)
    const [first] = tiles
    if (isFirst && first !== undefined) isAdding.current = !isInTile(sheet, first)
    if (tiles.length > 0) markTiles(tiles, isAdding.current, handlers.edit)
  }
  const { place, handlers: keys } = useKeyCursor<number>({
    imageId,
    start: 0,
    moved: (from, { key }) => tileBeside(from, key, grid),
    onPress: press,
  })
  return {
    keys,
    cursor: null,
    onMeaning: (meaning) => {
      if (meaning.kind === "brush") brush(meaning)
      else if (meaning.kind === "tap") tap(meaning.at)
    },
    layer: <TileLayer {...{ grid, sheet, marks, image, viewport, size }} cursor={place} />,
  }
}

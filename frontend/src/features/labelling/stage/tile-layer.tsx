import { useCallback } from "react"
import type { Grid, Size } from "../answer/geometry"
import type { Sheet } from "../answer/sheet"
import { type Box, boxOf, tilesOf } from "../answer/tiles"
import { type Draw, Layer } from "./layer"
import { badge, type Mark, type Marks, UNKNOWN } from "./marks"
import type { Viewport } from "./viewport"

export type TileLayerProps = {
  grid: Grid
  sheet: Sheet
  /** The tile that the keyboard is on. */
  cursor: number | null
  marks: Marks
  image: Size
  viewport: Viewport
  size: Size
}

const LETTER = 28
const SMALL_LETTER = 17
const HATCH = 14

/** The grid; filled and hatched are the active category's tiles, in the corner who else is there. */
export function TileLayer({ size, ...props }: TileLayerProps) {
  const { grid, sheet, cursor, marks, image, viewport } = props
  const draw = useCallback<Draw>(
    (context) => drawTiles(context, { grid, sheet, cursor, marks, image, viewport }),
    [grid, sheet, cursor, marks, image, viewport],
  )
  return <Layer size={size} draw={draw} />
}

function drawTiles(context: CanvasRenderingContext2D, props: Omit<TileLayerProps, "size">): void {
  const { grid, sheet, cursor, marks, image, viewport } = props
  const active = sheet.active
  const own = new Set(active === null ? [] : tilesOf(sheet, active))
  for (let tile = 0; tile < grid.rows * grid.cols; tile++) {
    const box = onStage(boxOf(tile, image, grid), viewport)
    outline(context, box, { color: "rgb(0 0 0 / 55%)", width: 3 })
    outline(context, box, { color: "rgb(255 255 255 / 80%)", width: 1 })
    if (active !== null && own.has(tile)) fillTile(context, box, marks.get(active) ?? UNKNOWN)
    const others = [...marks].filter(([name]) => name !== active)
    const here = others.filter(([name]) => tilesOf(sheet, name).includes(tile))
    here.forEach(([, mark], index) => {
      const place = { x: box.x + 6 + index * (SMALL_LETTER + 3), y: box.y + 6 }
      badge(context, place, { mark, size: SMALL_LETTER })
    })
  }
  if (cursor === null) return
  const box = onStage(boxOf(cursor, image, grid), viewport)
  outline(context, box, { color: "#000000", width: 7 })
  outline(context, box, { color: "#ffffff", width: 3 })
}

function onStage(box: Box, { scale, x, y }: Viewport): Box {
  const { width, height } = box
  return {
    x: box.x * scale + x,
    y: box.y * scale + y,
    width: width * scale,
    height: height * scale,
  }
}

type Line = { color: string; width: number }

function outline(context: CanvasRenderingContext2D, box: Box, { color, width }: Line): void {
  context.strokeStyle = color
  context.lineWidth = width
  context.strokeRect(box.x, box.y, box.width, box.height)
}

/** The colour, stripes and the category's letter: any of them tells without the others. */
function fillTile(context: CanvasRenderingContext2D, box: Box, mark: Mark): void {
  context.save()
  context.beginPath()
  context.rect(box.x, box.y, box.width, box.height)
  context.clip()
  context.globalAlpha = 0.3
  context.fillStyle = mark.color
  context.fill()
  context.globalAlpha = 0.85
  context.beginPath()
  for (let at = HATCH - box.height; at < box.width; at += HATCH) {
    context.moveTo(box.x + at, box.y + box.height)
    context.lineTo(box.x + at + box.height, box.y)
  }
  context.strokeStyle = mark.color
  context.lineWidth = 1.5
  context.stroke()
  context.restore()
  const middle = { x: box.x + (box.width - LETTER) / 2, y: box.y + (box.height - LETTER) / 2 }
  badge(context, middle, { mark, size: LETTER })
}

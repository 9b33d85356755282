import { useCallback, useEffect } from "react"
import { afterPaint } from "@/lib/after-paint"
import type { Size } from "../answer/geometry"
import type { SheetPoint } from "../answer/sheet"
import { type Draw, Layer } from "./layer"
import { filterOf, GammaFilter, type Look } from "./look"
import { type Marks, markPoint } from "./marks"
import styles from "./stage.module.css"
import type { Viewport } from "./viewport"

/** From here on, single pixels are shown as squares. */
const SHARP_FROM = 4
/** Below, most pixels would be passed over without the slow way of making an image smaller. */
const PLAIN_FROM = 0.4

type BitmapProps = {
  bitmap: ImageBitmap | HTMLCanvasElement
  image: Size
  viewport: Viewport
  size: Size
}

function drawBitmap(context: CanvasRenderingContext2D, props: BitmapProps, isSmooth: boolean) {
  const { bitmap, image, viewport } = props
  context.imageSmoothingEnabled = isSmooth
  const { scale, x, y } = viewport
  const isPlain = scale * window.devicePixelRatio >= PLAIN_FROM
  context.imageSmoothingQuality = isPlain ? "low" : "high"
  context.drawImage(bitmap, x, y, image.width * scale, image.height * scale)
}

type ImageLayerProps = BitmapProps & {
  imageId: number
  look: Look
  onPaint: (imageId: number) => void
}

export function ImageLayer({ imageId, look, onPaint, ...props }: ImageLayerProps) {
  const { bitmap, image, viewport, size } = props
  const draw = useCallback<Draw>(
    (context) => {
      const isSmooth = viewport.scale * window.devicePixelRatio < SHARP_FROM
      drawBitmap(context, { bitmap, image, viewport, size }, isSmooth)
    },
    [bitmap, image, viewport, size],
  )
  useEffect(() => afterPaint(() => onPaint(imageId)), [imageId, onPaint])
  return (
    <>
      <GammaFilter gamma={look.gamma} />
      <Layer size={size} draw={draw} filter={filterOf(look)} />
    </>
  )
}

type OverlayLayerProps = BitmapProps & { opacity: number }

export function OverlayLayer({ opacity, ...props }: OverlayLayerProps) {
  const { bitmap, image, viewport, size } = props
  const draw = useCallback<Draw>(
    (context) => drawBitmap(context, { bitmap, image, viewport, size }, false),
    [bitmap, image, viewport, size],
  )
  return <Layer size={size} draw={draw} opacity={opacity} className={styles.overlay} />
}

type PointLayerProps = {
  points: readonly SheetPoint[]
  selected: number | null
  marks: Marks
  viewport: Viewport
  size: Size
}

export function PointLayer({ points, selected, marks, viewport, size }: PointLayerProps) {
  const draw = useCallback<Draw>(
    (context) => {
      for (const point of points) {
        const at = {
          x: point.x * viewport.scale + viewport.x,
          y: point.y * viewport.scale + viewport.y,
        }
        markPoint(context, at, {
          mark: marks.get(point.category),
          isSelected: point.id === selected,
        })
      }
    },
    [points, selected, marks, viewport],
  )
  return <Layer size={size} draw={draw} />
}

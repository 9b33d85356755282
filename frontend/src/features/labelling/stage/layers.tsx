import { useCallback, useEffect, useLayoutEffect, useRef } from "react"
import { classNames } from "@/components/class-names"
import type { SheetPoint } from "../answer/sheet"
import { type Marks, markPoint } from "./marks"
import styles from "./stage.module.css"
import type { Size, Viewport } from "./viewport"

type Draw = (context: CanvasRenderingContext2D) => void

/** From here on, single pixels are shown as squares. */
const SHARP_FROM = 4

type LayerProps = { size: Size; draw: Draw; className?: string | undefined; opacity?: number }

/** A canvas as large as the stage, drawn anew when its `draw` is another. */
function Layer({ size, draw, className, opacity = 1 }: LayerProps) {
  const canvas = useRef<HTMLCanvasElement>(null)
  const ratio = window.devicePixelRatio
  const width = Math.round(size.width * ratio)
  const height = Math.round(size.height * ratio)
  // biome-ignore lint/correctness/useExhaustiveDependencies: a canvas is emptied by a new size
  useLayoutEffect(() => {
    const context = canvas.current?.getContext("2d")
    if (!context) return
    context.setTransform(1, 0, 0, 1, 0, 0)
    context.clearRect(0, 0, context.canvas.width, context.canvas.height)
    context.scale(ratio, ratio)
    draw(context)
  }, [draw, ratio, width, height])
  return (
    <canvas
      ref={canvas}
      width={width}
      height={height}
      className={classNames(styles.layer, className)}
      style={{ opacity }}
    />
  )
}

type BitmapProps = { bitmap: ImageBitmap; image: Size; viewport: Viewport; size: Size }

function drawBitmap(context: CanvasRenderingContext2D, props: BitmapProps, isSmooth: boolean) {
  const { bitmap, image, viewport } = props
  context.imageSmoothingEnabled = isSmooth
  const { scale, x, y } = viewport
  context.imageSmoothingQuality = scale * window.devicePixelRatio < 1 ? "high" : "low"
  context.drawImage(bitmap, x, y, image.width * scale, image.height * scale)
}

type ImageLayerProps = BitmapProps & { imageId: number; onPaint: (imageId: number) => void }

export function ImageLayer({ imageId, onPaint, ...props }: ImageLayerProps) {
  const { bitmap, image, viewport, size } = props
  const draw = useCallback<Draw>(
    (context) => {
      const isSmooth = viewport.scale * window.devicePixelRatio < SHARP_FROM
      drawBitmap(context, { bitmap, image, viewport, size }, isSmooth)
    },
    [bitmap, image, viewport, size],
  )
  useEffect(() => {
    const frame = requestAnimationFrame(() => onPaint(imageId))
    return () => cancelAnimationFrame(frame)
  }, [imageId, onPaint])
  return <Layer size={size} draw={draw} />
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

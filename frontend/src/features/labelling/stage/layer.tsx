import { useLayoutEffect, useRef } from "react"
import { classNames } from "@/components/class-names"
import type { Size } from "../answer/geometry"
import styles from "./stage.module.css"

export type Draw = (context: CanvasRenderingContext2D) => void

type LayerProps = {
  size: Size
  draw: Draw
  className?: string | undefined
  opacity?: number
  /** A CSS filter. */
  filter?: string
}

/** A canvas as large as the stage, drawn anew when its `draw` is another. */
export function Layer({ size, draw, className, opacity = 1, filter }: LayerProps) {
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
      style={{ opacity, filter }}
    />
  )
}

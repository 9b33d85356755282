import { type PointerEvent, useRef } from "react"
import type { Spot } from "../answer/geometry"
import type { SheetPoint } from "../answer/sheet"
import { Gesture, type Meaning } from "./gesture"
import { toStage, type Viewport } from "./viewport"

const SLACK = { mouse: 4, touch: 10 }
const REACH = { mouse: 12, touch: 24 }

type Options = {
  viewport: Viewport
  points: readonly SheetPoint[]
  /** Whether a finger, or the first button, brushes over the image instead of moving it. */
  hasBrush: boolean
  onGesture: (meaning: Meaning) => void
  /** Where a mouse or pen is over the stage, in stage pixels; null when it has left. */
  onHover: (at: Spot | null) => void
}

/** Pointer handlers of the stage. */
export function useGestures({ viewport, points, hasBrush, onGesture, onHover }: Options) {
  const gesture = useRef(new Gesture())
  const fingerOf = (event: PointerEvent<HTMLElement>) => {
    const box = event.currentTarget.getBoundingClientRect()
    return { id: event.pointerId, at: { x: event.clientX - box.left, y: event.clientY - box.top } }
  }
  const mean = (meaning: Meaning | null) => meaning && onGesture(meaning)
  return {
    onPointerDown: (event: PointerEvent<HTMLElement>) => {
      if (event.pointerType === "mouse" && event.button > 1) return
      event.currentTarget.setPointerCapture(event.pointerId)
      const finger = fingerOf(event)
      const reach = REACH[kindOf(event)]
      const isBrush = hasBrush && event.button === 0
      const point = nearestPoint(points, { viewport, at: finger.at, reach })
      gesture.current.down(finger, isBrush ? "brush" : point)
    },
    onPointerMove: (event: PointerEvent<HTMLElement>) => {
      const finger = fingerOf(event)
      if (event.pointerType !== "touch") onHover(finger.at)
      mean(gesture.current.move(finger, SLACK[kindOf(event)]))
    },
    onPointerUp: (event: PointerEvent<HTMLElement>) => mean(gesture.current.up(fingerOf(event))),
    onPointerCancel: (event: PointerEvent<HTMLElement>) => gesture.current.cancel(event.pointerId),
    onPointerLeave: () => onHover(null),
  }
}

const kindOf = (event: PointerEvent) => (event.pointerType === "touch" ? "touch" : "mouse")

type Search = { viewport: Viewport; at: Spot; reach: number }

function nearestPoint(points: readonly SheetPoint[], { viewport, at, reach }: Search) {
  const near = points
    .map((point) => ({ id: point.id, at: toStage(viewport, point) }))
    .map((place) => ({ ...place, away: Math.hypot(place.at.x - at.x, place.at.y - at.y) }))
    .filter((place) => place.away <= reach)
    .toSorted((one, other) => one.away - other.away)
  return near[0] ?? null
}

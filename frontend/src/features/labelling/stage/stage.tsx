import { type Ref, useEffect, useImperativeHandle, useMemo, useRef, useState } from "react"
import type { Category } from "@/api/projects"
import { classNames } from "@/components/class-names"
import type { Sheet } from "../answer/sheet"
import { Crosshair, useCrosshair } from "./crosshair"
import type { Meaning } from "./gesture"
import { CursorTag, PredictionTag, TurnTag } from "./hover"
import { ImageLayer, OverlayLayer, PointLayer } from "./layers"
import { marksOf } from "./marks"
import type { Picture } from "./picture"
import styles from "./stage.module.css"
import { useGestures } from "./use-gestures"
import { useSize } from "./use-size"
import { useViewport } from "./use-viewport"
import {
  isInside,
  pan,
  pinch,
  type Size,
  type Spot,
  toImage,
  wheelFactor,
  wholeView,
  zoomAt,
} from "./viewport"

export type StageControls = { zoom: (factor: number) => void; fit: () => void }

export type StageProps = {
  /** Its key in the gallery: a new one starts with the whole image. */
  imageId: number
  image: Size
  picture: Picture
  sheet: Sheet
  categories: readonly Category[]
  /** 0 hides the overlay. */
  opacity: number
  onPaint: (imageId: number) => void
  onTap: (at: Spot) => void
  onDrag: (point: number, to: Spot) => void
  onSelect: (point: number | null) => void
  controls: Ref<StageControls>
}

/** The image with what the model and the person say of it, as large as there is room. */
export function Stage(props: StageProps) {
  const frame = useRef<HTMLDivElement>(null)
  const size = useSize(frame)
  return (
    <div className={styles.frame} ref={frame}>
      {size && <SizedStage {...props} size={size} />}
    </div>
  )
}

function SizedStage(props: StageProps & { size: Size }) {
  const { imageId, image, picture, sheet, categories, opacity, size, controls } = props
  const [viewport, change] = useViewport(imageId, { image, stage: size })
  const [hover, setHover] = useState<Spot | null>(null)
  const surface = useRef<HTMLDivElement>(null)
  const marks = useMemo(() => marksOf(categories), [categories])
  const middle = { x: size.width / 2, y: size.height / 2 }
  const active = categories.find((category) => category.name === sheet.active)

  useImperativeHandle(controls, () => ({
    zoom: (factor) => change((now, bounds) => zoomAt(now, middle, factor, bounds)),
    fit: () => change((_now, bounds) => wholeView(bounds)),
  }))
  useWheel(surface, (at, factor) => change((now, bounds) => zoomAt(now, at, factor, bounds)))

  const tap = (at: Spot) => {
    const spot = toImage(viewport, at)
    if (isInside(image, spot)) props.onTap(spot)
  }
  const onGesture = (meaning: Meaning) => {
    if (meaning.kind === "pan") change((now, bounds) => pan(now, meaning.by, bounds))
    else if (meaning.kind === "pinch") {
      change((now, bounds) => pinch(now, meaning, bounds))
    } else if (meaning.kind === "drag") props.onDrag(meaning.held, toImage(viewport, meaning.to))
    else if (meaning.held === null) tap(meaning.at)
    else props.onSelect(meaning.held)
  }
  const gestures = useGestures({ viewport, points: sheet.points, onGesture, onHover: setHover })
  const crosshair = useCrosshair({ imageId, viewport, size, onPlace: tap })
  const overlay = opacity > 0 ? picture.overlay : null
  const seen = crosshair.at ?? hover

  return (
    <div
      ref={surface}
      role="application"
      aria-label="Image. Arrow keys move a crosshair, Space places a point."
      // biome-ignore lint/a11y/noNoninteractiveTabindex: points can be placed by keyboard
      tabIndex={0}
      className={classNames(styles.stage, active && styles.aiming)}
      {...gestures}
      {...crosshair.handlers}
    >
      <ImageLayer
        {...{ imageId, image, viewport, size }}
        bitmap={picture.bitmap}
        onPaint={props.onPaint}
      />
      {overlay && <OverlayLayer {...{ image, viewport, size, opacity }} bitmap={overlay.bitmap} />}
      <PointLayer {...{ viewport, size, marks }} points={sheet.points} selected={sheet.selected} />
      {crosshair.at && <Crosshair at={crosshair.at} />}
      {active && <TurnTag category={active} />}
      {seen && active && <CursorTag at={seen} stage={size} category={active} />}
      {seen && overlay && (
        <PredictionTag
          mask={overlay.mask}
          spot={toImage(viewport, seen)}
          image={image}
          categories={categories}
        />
      )}
    </div>
  )
}

/** React's own wheel handlers are passive: they cannot keep the page from zooming along. */
function useWheel(
  surface: { current: HTMLElement | null },
  onZoom: (at: Spot, factor: number) => void,
) {
  const latest = useRef(onZoom)
  useEffect(() => {
    latest.current = onZoom
  })
  useEffect(() => {
    const element = surface.current
    if (!element) return
    const turn = (event: WheelEvent) => {
      event.preventDefault()
      const box = element.getBoundingClientRect()
      latest.current(
        { x: event.clientX - box.left, y: event.clientY - box.top },
        wheelFactor(event),
      )
    }
    element.addEventListener("wheel", turn, { passive: false })
    return () => element.removeEventListener("wheel", turn)
  }, [surface])
}

import { type Ref, useEffect, useImperativeHandle, useMemo, useRef, useState } from "react"
import type { Category } from "@/api/projects"
import { classNames } from "@/components/class-names"
import type { Size, Spot } from "../answer/geometry"
import type { Edit, Sheet } from "../answer/sheet"
import type { Rules } from "../modes/mode"
import type { Meaning } from "./gesture"
import { CursorTag, PredictionTag, TurnTag } from "./hover"
import { ImageLayer, OverlayLayer } from "./layers"
import type { Look } from "./look"
import { marksOf } from "./marks"
import type { Overlay } from "./overlay-maker"
import type { Picture } from "./picture"
import styles from "./stage.module.css"
import { useGestures } from "./use-gestures"
import { type OverlayView, useOverlay } from "./use-overlay"
import { useSize } from "./use-size"
import { useViewport } from "./use-viewport"
import { pan, pinch, wheelFactor, wholeView, zoomAt } from "./viewport"

export type StageControls = { zoom: (factor: number) => void; fit: () => void }

/** What a person does on the image. */
export type StageHandlers = {
  onTap: (at: Spot) => void
  onDrag: (point: number, to: Spot) => void
  onSelect: (point: number | null) => void
  edit: Edit
}

export type StageProps = {
  /** Its key among the pictures: a new one starts with the whole image. */
  imageId: number
  image: Size
  picture: Picture
  /** Whether answers are taken. */
  isOpen: boolean
  sheet: Sheet
  rules: Rules
  look: Look
  /** What is shown of a model, which may be another one than the picture's; null for nothing. */
  overlay: Overlay | null
  view: OverlayView
  /** Names the model that the overlay is of. */
  model: string | null
  onPaint: (imageId: number) => void
  handlers: StageHandlers
  controls: Ref<StageControls>
}

/** The image with what the model and the person say of it, as large as there is room. */
export function Stage(props: StageProps) {
  const frame = useRef<HTMLDivElement>(null)
  const size = useSize(frame)
  return (
    <div className={styles.frame} ref={frame}>
      {size && <SizedStage key={props.rules.mode.marking.name} {...props} size={size} />}
    </div>
  )
}

function SizedStage(props: StageProps & { size: Size }) {
  const { imageId, image, picture, sheet, rules, look, size, controls } = props
  const { categories } = rules
  const { name, hasBrush, useMarking } = rules.mode.marking
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

  const layer = { image, viewport, size, marks }
  const marking = useMarking({ ...props, ...layer })
  const onGesture = (meaning: Meaning) => {
    if (meaning.kind === "pan") change((now, bounds) => pan(now, meaning.by, bounds))
    else if (meaning.kind === "pinch") change((now, bounds) => pinch(now, meaning, bounds))
    else marking.onMeaning(meaning)
  }
  const gestures = useGestures({
    viewport,
    points: sheet.points,
    hasBrush: hasBrush && active !== undefined,
    onGesture,
    onHover: setHover,
  })
  const seen = marking.cursor ?? hover
  const prediction = useOverlay({ ...props, categories, viewport, seen })

  return (
    <div
      ref={surface}
      role="application"
      aria-label={name}
      aria-busy={!props.isOpen}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: places are marked by keyboard too
      tabIndex={0}
      className={classNames(styles.stage, active && styles.aiming)}
      {...gestures}
      {...marking.keys}
    >
      <ImageLayer
        {...{ ...layer, imageId, look }}
        bitmap={picture.bitmap}
        onPaint={props.onPaint}
      />
      {prediction.bitmap && (
        <OverlayLayer {...layer} opacity={props.view.opacity} bitmap={prediction.bitmap} />
      )}
      {marking.layer}
      {active && <ActiveTags category={active} seen={seen} stage={size} />}
      {prediction.category && <PredictionTag category={prediction.category} model={props.model} />}
    </div>
  )
}

type ActiveTagsProps = { category: Category; seen: Spot | null; stage: Size }

function ActiveTags({ category, seen, stage }: ActiveTagsProps) {
  return seen ? (
    <CursorTag at={seen} stage={stage} category={category} />
  ) : (
    <TurnTag category={category} />
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

import { type Ref, useEffect, useImperativeHandle, useMemo, useRef, useState } from "react"
import type { Category } from "@/api/projects"
import { classNames } from "@/components/class-names"
import { isInside, type Size, type Spot } from "../answer/geometry"
import { type Sheet, tilesOf } from "../answer/sheet"
import { tileAt, tilesBetween } from "../answer/tiles"
import type { Rules } from "../modes/mode"
import { Crosshair, useCrosshair } from "./crosshair"
import type { Meaning } from "./gesture"
import { CursorTag, PredictionTag, TurnTag } from "./hover"
import { ImageLayer, OverlayLayer, PointLayer } from "./layers"
import { TileLayer } from "./lazy-tile-layer"
import type { Look } from "./look"
import { marksOf } from "./marks"
import type { Overlay } from "./overlay-maker"
import type { Picture } from "./picture"
import styles from "./stage.module.css"
import { useGestures } from "./use-gestures"
import { type OverlayView, useOverlay } from "./use-overlay"
import { useSize } from "./use-size"
import { useTileCursor } from "./use-tile-cursor"
import { useViewport } from "./use-viewport"
import { pan, pinch, toImage, wheelFactor, wholeView, zoomAt } from "./viewport"

export type StageControls = { zoom: (factor: number) => void; fit: () => void }

/** What a person does on the image. */
export type StageHandlers = {
  onTap: (at: Spot) => void
  onDrag: (point: number, to: Spot) => void
  onSelect: (point: number | null) => void
  /** The active category is to be in these tiles, or not to be. */
  onTiles: (tiles: readonly number[], isIn: boolean) => void
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
      {size && <SizedStage {...props} size={size} />}
    </div>
  )
}

function SizedStage(props: StageProps & { size: Size }) {
  const { imageId, image, picture, sheet, rules, look, size, controls } = props
  const { categories, grid } = rules
  const { hasTiles } = rules.mode
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

  const answers = useAnswers(props, (at) => toImage(viewport, at))
  const onGesture = (meaning: Meaning) => {
    if (meaning.kind === "pan") change((now, bounds) => pan(now, meaning.by, bounds))
    else if (meaning.kind === "pinch") change((now, bounds) => pinch(now, meaning, bounds))
    else answers.mean(meaning)
  }
  const hasBrush = hasTiles && active !== undefined
  const { points } = sheet
  const gestures = useGestures({ viewport, points, hasBrush, onGesture, onHover: setHover })
  const crosshair = useCrosshair({ imageId, viewport, size, onPlace: answers.tap })
  const cursor = useTileCursor({ imageId, grid, onPress: answers.pressTile })
  const seen = hasTiles ? hover : (crosshair.at ?? hover)
  const prediction = useOverlay({ ...props, categories, viewport, seen })
  const layer = { image, viewport, size, marks }

  return (
    <div
      ref={surface}
      role="application"
      aria-label={nameOf(rules)}
      aria-busy={!props.isOpen}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: points and tiles are set by keyboard too
      tabIndex={0}
      className={classNames(styles.stage, active && styles.aiming)}
      {...gestures}
      {...(hasTiles ? cursor : crosshair).handlers}
    >
      <ImageLayer
        {...{ ...layer, imageId, look }}
        bitmap={picture.bitmap}
        onPaint={props.onPaint}
      />
      {prediction.bitmap && (
        <OverlayLayer {...layer} opacity={props.view.opacity} bitmap={prediction.bitmap} />
      )}
      {hasTiles ? (
        <TileLayer {...layer} {...{ grid, sheet }} cursor={cursor.tile} />
      ) : (
        <PointLayer {...layer} points={points} selected={sheet.selected} />
      )}
      <Crosshair at={hasTiles ? null : crosshair.at} />
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

function nameOf({ mode }: Rules): string {
  return mode.hasTiles
    ? "Image. Arrow keys go from tile to tile, Space chooses one for the category."
    : "Image. Arrow keys move a crosshair, Space places a point."
}

type Answering = Exclude<Meaning, { kind: "pan" } | { kind: "pinch" }>

/** Taps, drags and brushes as what they say of the image. */
function useAnswers({ image, sheet, rules, handlers }: StageProps, toSpot: (at: Spot) => Spot) {
  /** Whether the brush in hand adds tiles, which its first one decides. */
  const isAdding = useRef(true)
  const isIn = (tile: number) =>
    sheet.active !== null && tilesOf(sheet, sheet.active).includes(tile)
  const pressTile = (tile: number) => handlers.onTiles([tile], !isIn(tile))
  const tap = (at: Spot) => {
    const spot = toSpot(at)
    const tile = rules.mode.hasTiles ? tileAt(spot, image, rules.grid) : null
    if (tile !== null) pressTile(tile)
    else if (isInside(image, spot)) handlers.onTap(spot)
  }
  const brush = ({ from, to, isFirst }: Extract<Answering, { kind: "brush" }>) => {
    const tiles = tilesBetween(toSpot(from), toSpot(to), image, rules.grid)
    const [first] = tiles
    if (isFirst && first !== undefined) isAdding.current = !isIn(first)
    if (tiles.length > 0) handlers.onTiles(tiles, isAdding.current)
  }
  const mean = (meaning: Answering) => {
    if (meaning.kind === "brush") brush(meaning)
    else if (meaning.kind === "drag") handlers.onDrag(meaning.held, toSpot(meaning.to))
    else if (meaning.held === null) tap(meaning.at)
    else handlers.onSelect(meaning.held)
  }
  return { tap, pressTile, mean }
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

import { directionOf, isInside, type Size, type Spot } from "../answer/geometry"
import { PointLayer } from "./layers"
import type { Marking, MarkingProps, OnStage } from "./marking"
import styles from "./stage.module.css"
import { useKeyCursor } from "./use-key-cursor"
import { toImage } from "./viewport"

const STEP = 16
const SMALL_STEP = 1

/** Points: clicked, dragged, or placed under a crosshair that keys move, finely with Shift. */
export const pointMarking: Marking = {
  name: "Image. Arrow keys move a crosshair, Space places a point.",
  hasBrush: false,
  useMarking: usePoints,
  preload: () => undefined,
}

function usePoints(props: MarkingProps): OnStage {
  const { imageId, image, viewport, size, marks, sheet, handlers } = props
  const tap = (at: Spot) => {
    const spot = toImage(viewport, at)
    if (isInside(image, spot)) handlers.onTap(spot)
  }
  const crosshair = useKeyCursor<Spot>({
    imageId,
    start: { x: size.width / 2, y: size.height / 2 },
    moved: (from, { key, shiftKey }) => stepped(from, key, { size, isSmall: shiftKey }),
    onPress: tap,
  })
  return {
    keys: crosshair.handlers,
    cursor: crosshair.place,
    onMeaning: (meaning) => {
      if (meaning.kind === "drag") handlers.onDrag(meaning.held, toImage(viewport, meaning.to))
      else if (meaning.kind === "tap" && meaning.held !== null) handlers.onSelect(meaning.held)
      else if (meaning.kind === "tap") tap(meaning.at)
    },
    layer: (
      <>
        <PointLayer
          {...{ viewport, size, marks }}
          points={sheet.points}
          selected={sheet.selected}
        />
        <Crosshair at={crosshair.place} />
      </>
    ),
  }
}

type Step = { size: Size; isSmall: boolean }

function stepped(at: Spot, key: string, { size, isSmall }: Step): Spot | null {
  const direction = directionOf(key)
  if (!direction) return null
  const step = isSmall ? SMALL_STEP : STEP
  return {
    x: Math.min(size.width, Math.max(0, at.x + direction.x * step)),
    y: Math.min(size.height, Math.max(0, at.y + direction.y * step)),
  }
}

/** Nothing where there is none. */
function Crosshair({ at }: { at: Spot | null }) {
  if (!at) return null
  return (
    <div
      className={styles.crosshair}
      style={{ transform: `translate(${at.x}px, ${at.y}px)` }}
      aria-hidden="true"
    />
  )
}

import type { Category } from "@/api/projects"
import type { Size, Spot } from "../answer/geometry"
import styles from "./stage.module.css"

const TAG_ROOM = { width: 240, height: 72 }

type CursorTagProps = { at: Spot; stage: Size; category: Category }

/** Large beside the cursor or crosshair: what the next click will be. */
export function CursorTag({ at, stage, category }: CursorTagProps) {
  const left = at.x > stage.width - TAG_ROOM.width
  const above = at.y > stage.height - TAG_ROOM.height
  const shift = `${left ? "calc(-100% - 14px)" : "16px"}, ${above ? "calc(-100% - 14px)" : "16px"}`
  return (
    <div
      className={styles.cursortag}
      style={{ transform: `translate(${at.x}px, ${at.y}px) translate(${shift})` }}
      aria-hidden="true"
    >
      <span className={styles.dot} style={{ background: category.color }} />
      {category.name}
    </div>
  )
}

/** The same in a corner while no cursor is on the image, as with fingers. */
export function TurnTag({ category }: { category: Category }) {
  return (
    <div className={styles.turntag} aria-hidden="true">
      <span className={styles.dot} style={{ background: category.color }} />
      <span>
        Next: <strong>{category.name}</strong>
      </span>
    </div>
  )
}

type PredictionTagProps = { category: Category; model: string | null }

/** What the model sees under the cursor. */
export function PredictionTag({ category, model }: PredictionTagProps) {
  return (
    <div className={styles.predictiontag} data-testid="predicted">
      <span className={styles.dot} style={{ background: category.color }} />
      <span>
        {model ?? "Model"}: <strong>{category.name}</strong>
      </span>
    </div>
  )
}

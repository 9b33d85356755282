import { Check, CircleHelp, type LucideIcon, Maximize2, Minus } from "lucide-react"
import type { Ref } from "react"
import { thumbnail } from "@/api/images"
import type { SweptImage } from "@/api/sweeps"
import type { Answer } from "@/lib/answers"
import styles from "./tile.module.css"

export const LOOKS: Record<Answer, { icon: LucideIcon; text: string }> = {
  present: { icon: Check, text: "Present" },
  absent: { icon: Minus, text: "Absent" },
  unsure: { icon: CircleHelp, text: "Not sure" },
}

const WIDTH = 320
const SHARP_WIDTH = 640

/** The small picture of an image, sharp on this screen. */
export const smallOf = (image: SweptImage): string =>
  thumbnail(image, window.devicePixelRatio > 1.25 ? SHARP_WIDTH : WIDTH)

export const percent = (probability: number): string => `${Math.round(probability * 100)} %`

type TileProps = {
  image: SweptImage
  answer: Answer
  /** Whether keys mean this one. */
  isCurrent: boolean
  ref: Ref<HTMLButtonElement> | null
  onPress: () => void
  onFocus: () => void
  onEnlarge: () => void
}

/** One image of a page: pressing it changes its answer. */
export function Tile({ image, answer, isCurrent, ref, onPress, onFocus, onEnlarge }: TileProps) {
  const { icon: Icon, text } = LOOKS[answer]
  const { external_id: name, probability } = image
  return (
    <li className={styles.tile} data-answer={answer} data-current={isCurrent || undefined}>
      <button
        type="button"
        ref={ref}
        data-tile
        className={styles.press}
        tabIndex={isCurrent ? 0 : -1}
        title={name}
        onClick={onPress}
        onFocus={onFocus}
      >
        <span className={styles.picture}>
          <img src={smallOf(image)} alt="" data-image={image.id} />
        </span>
        <span className={styles.answer}>
          <Icon aria-hidden="true" strokeWidth={2.5} />
          {text}
        </span>
        <span className="quiet">{name}</span>
        {probability !== null && <span className={styles.likely}>{percent(probability)}</span>}
      </button>
      <button
        type="button"
        className={styles.enlarge}
        tabIndex={-1}
        aria-label={`See ${name} large`}
        onClick={onEnlarge}
      >
        <Maximize2 aria-hidden="true" />
      </button>
    </li>
  )
}

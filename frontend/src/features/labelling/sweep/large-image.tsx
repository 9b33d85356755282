import { Flag, X } from "lucide-react"
import { thumbnail } from "@/api/images"
import { Button } from "@/components/button"
import type { Command } from "@/lib/commands"
import { answerFor, doubted, toggled } from "./marks"
import type { Sweep } from "./sweep"
import type { Turn } from "./sweep-state"
import { LOOKS, percent } from "./tile"
import styles from "./tile.module.css"

const WIDTH = 1600

type LargeProps = { sweep: Sweep; turn: Turn; flag: Command }

/** The current image over all others; the keys do the same as without it. */
export function LargeImage({ sweep, turn, flag }: LargeProps) {
  const image = turn.page.images[turn.at]
  if (!image) return null
  const answer = answerFor(turn.marks, image)
  const { icon: Icon, text } = LOOKS[answer]
  return (
    <section className={styles.large} aria-label={image.external_id} data-answer={answer}>
      <img src={thumbnail(image, WIDTH)} alt={image.external_id} key={image.id} />
      <div className={styles.caption}>
        <span className={styles.answer}>
          <Icon aria-hidden="true" strokeWidth={2.5} />
          {text}
        </span>
        <span className={styles.name}>{image.external_id}</span>
        {image.probability !== null && <span>{percent(image.probability)}</span>}
        <Button onClick={() => sweep.answer(image, toggled)}>Change</Button>
        <Button onClick={() => sweep.answer(image, doubted)}>Not sure</Button>
        <Button size="icon" aria-label={flag.label} onClick={flag.run}>
          <Flag aria-hidden="true" />
        </Button>
        <Button size="icon" aria-label="All images again" onClick={() => sweep.enlarge(false)}>
          <X aria-hidden="true" />
        </Button>
      </div>
    </section>
  )
}

import { useRef } from "react"
import type { Category } from "@/api/projects"
import { classNames } from "@/components/class-names"
import { asksPoints, type Rules, type Sheet } from "../answer/sheet"
import type { Draft } from "../loop/draft"
import type { Prediction } from "../loop/transport"
import styles from "./category-panel.module.css"
import { CategoryRow } from "./category-row"
import { Finder, useFinder } from "./finder"
import { MoreBelow } from "./lazy-parts"
import { Summary } from "./summary"

type PanelProps = {
  rules: Rules
  draft: Draft
  imageId: number | undefined
  prediction: Prediction | null
  isFinding: boolean
  onFound: () => void
  onTick: (category: string) => void
  onDoubt: (category: string) => void
  /** The category that the pointer is on; null when it has left. */
  onPoint: (category: string | null) => void
}

/** Every category with its key and what is said of it. */
export function CategoryPanel(props: PanelProps) {
  const { rules, draft, imageId, prediction, isFinding, onFound, onTick, onDoubt, onPoint } = props
  const sheet = draft.history.present
  const list = useRef<HTMLUListElement>(null)
  const { words, setWords, shown } = useFinder(rules.categories, isFinding)
  const isFirstMeant = isFinding && words.trim() !== ""
  const choose = (isDoubt: boolean) => {
    const [first] = shown
    if (first && isFirstMeant) (isDoubt ? onDoubt : onTick)(first.name)
  }
  const close = () => {
    setWords("")
    onFound()
  }
  const guessOf = ({ name }: Category) =>
    draft.prefilled.has(name) ? { probability: prediction?.presence[name] ?? null } : null
  return (
    <section className={styles.panel} aria-label="Categories">
      <p className={styles.hint}>{hintOf(sheet, rules)}</p>
      {isFinding && <Finder words={words} onWords={setWords} onChoose={choose} onClose={close} />}
      <ul ref={list} className={classNames(styles.list, isFirstMeant && styles.finding)}>
        {shown.map((category) => (
          <CategoryRow
            key={category.id}
            category={category}
            sheet={sheet}
            rules={rules}
            guess={guessOf(category)}
            onTick={onTick}
            onDoubt={onDoubt}
            onPoint={onPoint}
          />
        ))}
      </ul>
      <Summary rules={rules} sheet={sheet}>
        <MoreBelow list={list} subject={imageId} />
      </Summary>
    </section>
  )
}

function hintOf(sheet: Sheet, rules: Rules): string {
  if (rules.mode === "tiles") {
    return "Press a category, then every tile that it is in. The rest counts as absent."
  }
  if (rules.mode === "points" && sheet.isSettled) return "Click each category on the image in turn."
  if (rules.mode === "points") return "Tick what is there; the points come after Enter."
  const asked = asksPoints(rules) ? "Tick what is there, and click on it." : "Tick what is there."
  return `${asked} The rest counts as absent.`
}

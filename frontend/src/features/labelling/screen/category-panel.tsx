import { useRef } from "react"
import type { Category } from "@/api/projects"
import { classNames } from "@/components/class-names"
import type { Draft } from "../loop/draft"
import type { Prediction } from "../loop/transport"
import type { Rules } from "../modes/mode"
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
      <p className={styles.hint}>{rules.mode.hint(sheet)}</p>
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

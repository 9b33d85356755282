import { Check, CircleHelp, Sparkles } from "lucide-react"
import type { MouseEvent, PointerEvent } from "react"
import type { Category } from "@/api/projects"
import { classNames } from "@/components/class-names"
import { capOf } from "@/lib/keys"
import { presenceOf, type Sheet } from "../answer/sheet"
import type { Rules } from "../modes/mode"
import { KeyCap } from "../shared/key-cap"
import styles from "./category-panel.module.css"

type RowProps = {
  category: Category
  sheet: Sheet
  rules: Rules
  /** When it was ticked for the person; the probability where a model did. */
  guess: { probability: number | null } | null
  onTick: (category: string) => void
  onDoubt: (category: string) => void
  onPoint: (category: string | null) => void
}

export function CategoryRow(props: RowProps) {
  const { category, sheet, rules, guess, onTick, onDoubt, onPoint } = props
  const { name, color, key } = category
  const presence = presenceOf(sheet, name)
  const press = (event: MouseEvent) => (event.shiftKey ? onDoubt(name) : onTick(name))
  const point = (event: PointerEvent) => event.pointerType === "mouse" && onPoint(name)
  const isActive = sheet.active === name
  return (
    <li
      className={classNames(styles.row, styles[presence], isActive && styles.active)}
      style={{ "--category": color } as React.CSSProperties}
      onPointerEnter={point}
      onPointerLeave={() => onPoint(null)}
    >
      <button
        type="button"
        className={styles.tick}
        aria-pressed={presence === "unsure" ? "mixed" : presence === "present"}
        aria-keyshortcuts={key ?? undefined}
        aria-current={isActive || undefined}
        onClick={press}
      >
        {key === null ? <span className={styles.keyless} /> : <KeyCap chord={key} />}
        <span className={styles.swatch}>
          {presence === "present" && <Check strokeWidth={3.5} aria-hidden="true" />}
        </span>
        <span className={styles.words}>
          <span className={styles.name}>{name}</span>
          <span className={styles.notes}>
            {guess && presence === "present" && <Guess {...guess} />}
            <Standing category={name} sheet={sheet} rules={rules} />
          </span>
        </span>
      </button>
      <button
        type="button"
        className={styles.doubt}
        aria-pressed={presence === "unsure"}
        aria-label={`Not sure about ${name}`}
        title={key === null ? "Not sure" : `Not sure (${capOf(`Shift+${key}`)})`}
        onClick={() => onDoubt(name)}
      >
        <CircleHelp aria-hidden="true" />
      </button>
    </li>
  )
}

function Guess({ probability }: { probability: number | null }) {
  const percent = probability === null ? null : `${Math.round(probability * 100)} %`
  const explanation = percent
    ? `Ticked by the model: ${percent} likely`
    : "Ticked because most labels of this project have it"
  return (
    <span className={styles.guess} title={explanation}>
      <Sparkles aria-hidden="true" />
      <span className="quiet">{explanation}</span>
      {percent && <span aria-hidden="true">{percent}</span>}
    </span>
  )
}

type StandingProps = { category: string; sheet: Sheet; rules: Rules }

function Standing({ category, sheet, rules }: StandingProps) {
  if (presenceOf(sheet, category) === "unsure")
    return <span className={styles.standing}>not sure</span>
  const standing = rules.mode.standing(sheet, category, rules)
  if (!standing) return null
  const { Icon, words, unseen } = standing
  return (
    <span className={styles.standing}>
      {Icon && <Icon aria-hidden="true" />}
      {words}
      {unseen && <span className="quiet">{unseen}</span>}
    </span>
  )
}

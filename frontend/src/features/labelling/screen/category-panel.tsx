import { Check, CircleHelp, Crosshair, MapPin, Sparkles } from "lucide-react"
import type { MouseEvent } from "react"
import type { Category } from "@/api/projects"
import { classNames } from "@/components/class-names"
import { type Presence, pointsOf, presenceOf, type Rules, type Sheet } from "../answer/sheet"
import type { Prediction } from "../loop/transport"
import styles from "./category-panel.module.css"
import { KeyCap } from "./key-cap"

type PanelProps = {
  rules: Rules
  sheet: Sheet
  prefilled: ReadonlySet<string>
  prediction: Prediction | null
  onTick: (category: string) => void
  onDoubt: (category: string) => void
}

/** Every category with its key and what is said of it. */
export function CategoryPanel(props: PanelProps) {
  const { rules, sheet, prefilled, prediction, onTick, onDoubt } = props
  return (
    <section className={styles.panel} aria-label="Categories">
      <p className={styles.hint}>
        {rules.asksPoints ? "Tick what is there, and click on it." : "Tick what is there."} The rest
        counts as absent.
      </p>
      <ul className={styles.list}>
        {rules.categories.map((category) => (
          <CategoryRow
            key={category.id}
            category={category}
            presence={presenceOf(sheet, category.name)}
            points={rules.asksPoints ? pointsOf(sheet, category.name).length : null}
            isActive={sheet.active === category.name}
            guess={
              prefilled.has(category.name) ? (prediction?.presence[category.name] ?? null) : null
            }
            onTick={onTick}
            onDoubt={onDoubt}
          />
        ))}
      </ul>
      <Summary rules={rules} sheet={sheet} />
    </section>
  )
}

type RowProps = {
  category: Category
  presence: Presence
  /** Null where none are asked for. */
  points: number | null
  isActive: boolean
  /** The model's probability, when it ticked the category. */
  guess: number | null
  onTick: (category: string) => void
  onDoubt: (category: string) => void
}

function CategoryRow({ category, presence, points, isActive, guess, onTick, onDoubt }: RowProps) {
  const { name, color, key } = category
  const press = (event: MouseEvent) => (event.shiftKey ? onDoubt(name) : onTick(name))
  return (
    <li
      className={classNames(styles.row, styles[presence], isActive && styles.active)}
      style={{ "--category": color } as React.CSSProperties}
    >
      <button
        type="button"
        className={styles.tick}
        aria-pressed={presence === "unsure" ? "mixed" : presence === "present"}
        aria-keyshortcuts={key}
        onClick={press}
      >
        <KeyCap chord={key} />
        <span className={styles.swatch}>
          {presence === "present" && <Check strokeWidth={3.5} aria-hidden="true" />}
        </span>
        <span className={styles.name}>{name}</span>
        {guess !== null && presence === "present" && <Guess probability={guess} />}
        <Standing presence={presence} points={points} isActive={isActive} />
      </button>
      <button
        type="button"
        className={styles.doubt}
        aria-pressed={presence === "unsure"}
        aria-label={`Not sure about ${name}`}
        title={`Not sure (Shift + ${key.toUpperCase()})`}
        onClick={() => onDoubt(name)}
      >
        <CircleHelp aria-hidden="true" />
      </button>
    </li>
  )
}

function Guess({ probability }: { probability: number }) {
  const percent = Math.round(probability * 100)
  return (
    <span className={styles.guess} title={`Ticked by the model: ${percent} % likely`}>
      <Sparkles aria-hidden="true" />
      <span className={styles.onlyread}>ticked by the model,</span>
      {percent} %
    </span>
  )
}

type StandingProps = Pick<RowProps, "presence" | "points" | "isActive">

function Standing({ presence, points, isActive }: StandingProps) {
  if (presence === "unsure") return <span className={styles.standing}>not sure</span>
  if (presence === "absent" || points === null) return null
  if (isActive) {
    return (
      <span className={styles.standing}>
        <Crosshair aria-hidden="true" />
        click it
      </span>
    )
  }
  if (points === 0) return <span className={styles.standing}>no point</span>
  return (
    <span className={styles.standing}>
      <MapPin aria-hidden="true" />
      {points}
      <span className={styles.onlyread}>{points === 1 ? "point" : "points"}</span>
    </span>
  )
}

/** Says what will be submitted, so that nobody takes "not ticked" for "not asked". */
function Summary({ rules, sheet }: { rules: Rules; sheet: Sheet }) {
  const count = (presence: Presence) =>
    rules.categories.filter((category) => presenceOf(sheet, category.name) === presence).length
  return (
    <p className={styles.summary}>
      <span>
        <strong>{count("present")}</strong> present
      </span>
      <span>
        <strong>{count("absent")}</strong> absent
      </span>
      <span>
        <strong>{count("unsure")}</strong> not sure
      </span>
    </p>
  )
}

import { Check, CircleHelp, Minus, X } from "lucide-react"
import type { MouseEvent } from "react"
import type { Label } from "@/api/images"
import type { Category } from "@/api/projects"
import { CategoryName } from "@/components/badge"
import { Button } from "@/components/button"
import { type Answer, answerOf } from "@/lib/answers"
import { formatPlural } from "@/lib/format"
import { capOf } from "@/lib/keys"
import { isDisputed } from "@/lib/labels"
import type { Decision } from "./decision"
import styles from "./review.module.css"
import { KEYS } from "./review-keys"

type AnswerTableProps = {
  categories: readonly Category[]
  /** By category name. */
  keys: Readonly<Record<string, string>>
  labels: readonly Label[]
  decision: Decision
  onTake: (person: number) => void
  onAnswer: (category: string, answer: Answer) => void
}

/** What each person said beside what is decided: the disputed categories, and the others below. */
export function AnswerTable(props: AnswerTableProps) {
  const { categories, labels } = props
  const disputed = categories.filter(({ name }) => isDisputed(labels, name))
  const others = categories.filter((category) => !disputed.includes(category))
  if (disputed.length === 0) return <Rows {...props} categories={categories} />
  return (
    <>
      <Rows {...props} categories={disputed} />
      {others.length > 0 && (
        <details className={styles.others}>
          <summary>
            {formatPlural(others.length, "more category", "more categories")} without contradiction
          </summary>
          <Rows {...props} categories={others} />
        </details>
      )}
    </>
  )
}

function Rows({ categories, keys, labels, decision, onTake, onAnswer }: AnswerTableProps) {
  return (
    <div className={styles.scroll}>
      <table className={styles.table}>
        <thead>
          <tr>
            <th scope="col">Category</th>
            {labels.map((label, person) => (
              <th key={label.id} scope="col">
                <Person label={label} person={person} onTake={onTake} />
              </th>
            ))}
            <th scope="col">Shall count</th>
          </tr>
        </thead>
        <tbody>
          {categories.map(({ id, name, color }) => (
            <tr key={id}>
              <th scope="row">
                <span className={styles.category}>
                  {keys[name] && <kbd>{keys[name]}</kbd>}
                  <CategoryName name={name} color={color} />
                </span>
              </th>
              {labels.map((label) => (
                <td key={label.id}>
                  <Said answer={answerOf(label, name)} />
                </td>
              ))}
              <td>
                <Choice category={name} chosen={decision.answers[name]} onAnswer={onAnswer} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  )
}

/** Drawn as the marks of the person's points are. */
const SHAPES = ["●", "■"]

type PersonProps = { label: Label; person: number; onTake: (person: number) => void }

function Person({ label, person, onTake }: PersonProps) {
  const key = KEYS.take[person]
  return (
    <Button
      className={styles.person ?? ""}
      onClick={() => onTake(person)}
      aria-label={`Take the answers of ${label.annotator}`}
      title={`Take the answers of ${label.annotator}`}
      aria-keyshortcuts={key}
    >
      <span aria-hidden="true">{SHAPES[person] ?? "◆"}</span>
      <span className={styles.email}>{label.annotator.replace(/@.*/, "")}</span>
      {key && <kbd>{capOf(key)}</kbd>}
    </Button>
  )
}

const ANSWERS: readonly { value: Answer; text: string; icon: typeof Check }[] = [
  { value: "present", text: "Present", icon: Check },
  { value: "absent", text: "Absent", icon: X },
  { value: "unsure", text: "Unsure", icon: CircleHelp },
]

function Said({ answer }: { answer: Answer | null }) {
  const found = ANSWERS.find(({ value }) => value === answer)
  const Icon = found?.icon ?? Minus
  return (
    <span className={styles.said} data-answer={answer ?? undefined}>
      <Icon aria-hidden="true" />
      <span>{found?.text ?? "Not asked"}</span>
    </span>
  )
}

type ChoiceProps = {
  category: string
  chosen: Answer | undefined
  onAnswer: (category: string, answer: Answer) => void
}

function Choice({ category, chosen, onAnswer }: ChoiceProps) {
  const press = (event: MouseEvent<HTMLButtonElement>, answer: Answer) => {
    onAnswer(category, answer)
    // After a press with the pointer Enter shall save, not press again.
    if (event.detail > 0) event.currentTarget.blur()
  }
  return (
    <fieldset className={styles.choice}>
      <legend className="quiet">{category}</legend>
      {ANSWERS.map(({ value, text, icon: Icon }) => (
        <button
          key={value}
          type="button"
          aria-pressed={chosen === value}
          aria-label={`${category}: ${text}`}
          title={text}
          onClick={(event) => press(event, value)}
        >
          <Icon aria-hidden="true" />
        </button>
      ))}
    </fieldset>
  )
}

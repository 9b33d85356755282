import type { Label } from "@/api/images"
import type { Category } from "@/api/projects"
import { CategoryName } from "@/components/badge"
import { Notice } from "@/components/notice"
import { type Answer, answerOf } from "@/lib/answers"
import { currentLabels, decisionIn, isDisputed } from "@/lib/labels"
import styles from "./image-view.module.css"

type DifferencesProps = { history: readonly Label[]; categories: readonly Category[] }

/** The categories that people contradict each other on, and who says what. */
export function Differences({ history, categories }: DifferencesProps) {
  const labels = currentLabels(history)
  const decision = decisionIn(labels)
  if (decision) {
    return <Notice tone="good">Decided by {decision.annotator}: this answer counts.</Notice>
  }
  const disputed = categories.filter(({ name }) => isDisputed(labels, name))
  if (disputed.length === 0) return null
  const people = (category: string, answer: Answer) =>
    labels
      .filter((label) => answerOf(label, category) === answer)
      .map(({ annotator }) => annotator)
      .join(", ")
  return (
    <Notice tone="warn">
      <strong>People do not agree.</strong>
      <dl className={styles.differences}>
        {disputed.map(({ id, name, color }) => (
          <div key={id}>
            <dt>
              <CategoryName name={name} color={color} />
            </dt>
            <dd>Present: {people(name, "present")}</dd>
            <dd>Absent: {people(name, "absent")}</dd>
          </div>
        ))}
      </dl>
    </Notice>
  )
}

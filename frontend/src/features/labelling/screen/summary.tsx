import type { ReactNode } from "react"
import { type Presence, presenceOf, type Rules, type Sheet } from "../answer/sheet"
import styles from "./summary.module.css"

type SummaryProps = { rules: Rules; sheet: Sheet; children: ReactNode }

/** Says what will be submitted, so that nobody takes "not ticked" for "not asked". */
export function Summary({ rules, sheet, children }: SummaryProps) {
  const count = (presence: Presence) =>
    rules.categories.filter((category) => presenceOf(sheet, category.name) === presence).length
  return (
    <div className={styles.foot}>
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
      {children}
    </div>
  )
}

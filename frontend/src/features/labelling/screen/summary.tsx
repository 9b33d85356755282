import type { ReactNode } from "react"
import { listed } from "@/lib/answers"
import { presenceOf, type Sheet } from "../answer/sheet"
import type { Rules } from "../modes/mode"
import styles from "./summary.module.css"

type SummaryProps = { rules: Rules; sheet: Sheet; children: ReactNode }

/** Says what will be submitted, so that nobody takes "not ticked" for "not asked". */
export function Summary({ rules, sheet, children }: SummaryProps) {
  const lists = listed(rules.categories, ({ name }) => presenceOf(sheet, name))
  return (
    <div className={styles.foot}>
      <p className={styles.summary}>
        <span>
          <strong>{lists.present.length}</strong> present
        </span>
        <span>
          <strong>{lists.absent.length}</strong> absent
        </span>
        <span>
          <strong>{lists.unsure.length}</strong> not sure
        </span>
      </p>
      {children}
    </div>
  )
}

import { CircleCheck, Info, TriangleAlert } from "lucide-react"
import type { ReactNode } from "react"
import { classNames } from "./class-names"
import styles from "./notice.module.css"

type NoticeProps = { tone: "info" | "good" | "warn" | "bad"; children: ReactNode }

const ICONS = { info: Info, good: CircleCheck, warn: TriangleAlert, bad: TriangleAlert }

/** A message in the flow of the page; an error is read out at once. */
export function Notice({ tone, children }: NoticeProps) {
  const Icon = ICONS[tone]
  return (
    <div
      className={classNames(styles.notice, styles[tone])}
      role={tone === "bad" ? "alert" : "status"}
    >
      <Icon aria-hidden="true" />
      <div className={styles.body}>{children}</div>
    </div>
  )
}

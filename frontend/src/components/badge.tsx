import type { ReactNode } from "react"
import styles from "./badge.module.css"
import { classNames } from "./class-names"

export type Tone = "plain" | "info" | "good" | "warn" | "bad"

export function Badge({ tone = "plain", children }: { tone?: Tone; children: ReactNode }) {
  return (
    <span className={classNames(styles.badge, tone !== "plain" && styles[tone])}>{children}</span>
  )
}

type CategoryNameProps = { name: string; color: string }

/** A category's name beside its colour. */
export function CategoryName({ name, color }: CategoryNameProps) {
  return (
    <span className={styles.category}>
      <span className={styles.swatch} style={{ background: color }} aria-hidden="true" />
      {name}
    </span>
  )
}

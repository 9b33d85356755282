import type { ReactNode } from "react"
import styles from "./fact.module.css"

/** A number of the bar. */
export function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <span className={styles.fact}>
      <strong>{children}</strong> {name}
    </span>
  )
}

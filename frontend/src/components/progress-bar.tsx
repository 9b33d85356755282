import type { ReactNode } from "react"
import { classNames } from "./class-names"
import styles from "./progress-bar.module.css"

type ProgressBarProps = {
  label: string
  value: number
  max: number
  /** Shown above the bar on the left and on the right. */
  left?: ReactNode
  right?: ReactNode
}

export function ProgressBar({ label, value, max, left, right }: ProgressBarProps) {
  const share = max > 0 ? Math.min(1, value / max) : 0
  return (
    <div className={classNames(styles.bar, max > 0 && value >= max && styles.done)}>
      {(left || right) && (
        <div className={styles.texts}>
          <span>{left}</span>
          <span>{right}</span>
        </div>
      )}
      <div
        className={styles.track}
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={max}
        aria-valuenow={Math.min(value, max)}
      >
        <div className={styles.fill} style={{ width: `${share * 100}%` }} />
      </div>
    </div>
  )
}

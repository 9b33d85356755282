import { NOTHING } from "@/lib/format"
import styles from "./gain.module.css"

type GainProps = { from: number | null | undefined; to: number | null | undefined }

/** The difference in percentage points. */
export function Gain({ from, to }: GainProps) {
  if (typeof from !== "number" || typeof to !== "number") return NOTHING
  const points = (to - from) * 100
  if (Math.abs(points) < 0.05) return "0.0"
  const sign = points > 0 ? "+" : "−"
  return (
    <span className={points > 0 ? styles.better : styles.worse}>
      {sign}
      {Math.abs(points).toFixed(1)}
    </span>
  )
}

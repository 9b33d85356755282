import type { Rate, Scores } from "@/api/gold"
import { formatCount, formatPercent, NOTHING } from "@/lib/format"
import styles from "./known-answers.module.css"
import { type Interval, intervalOf, missesOf } from "./rate"

/** A share as a bar, with a line over its 95 % interval. */
export function RateBar({ rate }: { rate: Rate }) {
  const interval = intervalOf(rate)
  if (!interval) return NOTHING
  return (
    <span className={styles.rate} title={spoken(rate, interval)}>
      <span className={styles.figure}>
        {formatPercent(interval.share)} <span className={styles.of}>of {formatCount(rate.of)}</span>
        <span className="quiet">
          , between {formatPercent(interval.low)} and {formatPercent(interval.high)}
        </span>
      </span>
      <span className={styles.track} aria-hidden="true">
        <span className={styles.fill} style={{ width: percent(interval.share) }} />
        <span
          className={styles.interval}
          style={{ left: percent(interval.low), right: percent(1 - interval.high) }}
        />
      </span>
    </span>
  )
}

/** How many clicks met their category, and where the others went. */
export function ClicksBar({ scores }: { scores: Scores }) {
  const misses = missesOf(scores)
  return (
    <>
      <RateBar rate={scores.clicks_on} />
      {misses && <span className={styles.of}>{misses}</span>}
    </>
  )
}

const percent = (share: number): string => `${share * 100}%`

const spoken = (rate: Rate, { low, high }: Interval): string =>
  `${formatCount(rate.hits)} of ${formatCount(rate.of)}; 95 % interval from ${formatPercent(low)} to ${formatPercent(high)}`

import type { Rate, Scores } from "@/api/gold"
import { formatCount } from "@/lib/format"

export type Interval = { share: number; low: number; high: number }

/** A rate with its interval; null where it is a share of nothing. */
export const intervalOf = ({ share, low, high }: Rate): Interval | null =>
  share === null || low === null || high === null ? null : { share, low, high }

export type Measure = {
  key: "precision" | "recall" | "wrongly_absent" | "wrongly_present"
  title: string
}

/** What is measured of answers; clicks come beside it where people click. */
export const MEASURES: readonly Measure[] = [
  { key: "precision", title: "Precision" },
  { key: "recall", title: "Recall" },
  { key: "wrongly_absent", title: "Wrongly absent" },
  { key: "wrongly_present", title: "Wrongly present" },
]

/** Where the clicks are that missed: `2 off, 1 on void`; empty when none did. */
export const missesOf = ({
  clicks_off,
  clicks_on_void,
}: Pick<Scores, "clicks_off" | "clicks_on_void">): string =>
  [[clicks_off.hits, "off"] as const, [clicks_on_void.hits, "on void"] as const]
    .filter(([hits]) => hits > 0)
    .map(([hits, where]) => `${formatCount(hits)} ${where}`)
    .join(", ")

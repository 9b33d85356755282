/** How many of how many answers say that a category is present. */
export type Proportion = { share: number | null; of: number }

/** The least expected count in each cell for which the normal approximation holds. */
const LEAST_EXPECTED = 5
/**
 * Three standard errors: chance alone passes it for one category in 370, so that even among twenty
 * categories it seldom does.
 */
const STANDARD_ERRORS = 3

/** The difference of two shares; null where one of them is of nothing. */
export const differenceOf = (one: Proportion, other: Proportion): number | null =>
  one.share === null || other.share === null ? null : one.share - other.share

/** Whether two shares differ by more than chance would make them, by the two-proportion z-test. */
export function isBeyondChance(one: Proportion, other: Proportion): boolean {
  const difference = differenceOf(one, other)
  if (difference === null) return false
  const pooled = ((one.share ?? 0) * one.of + (other.share ?? 0) * other.of) / (one.of + other.of)
  const rarest = Math.min(pooled, 1 - pooled) * Math.min(one.of, other.of)
  if (rarest < LEAST_EXPECTED) return false
  const error = Math.sqrt(pooled * (1 - pooled) * (1 / one.of + 1 / other.of))
  return Math.abs(difference) > STANDARD_ERRORS * error
}

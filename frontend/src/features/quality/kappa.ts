/**
 * Cohen's kappa in words: D. G. Altman, Practical Statistics for Medical Research (1991), p. 404.
 * Each word holds up to its bound.
 */
export const SCALE = [
  { word: "poor", upTo: 0.2 },
  { word: "fair", upTo: 0.4 },
  { word: "moderate", upTo: 0.6 },
  { word: "good", upTo: 0.8 },
  { word: "very good", upTo: 1 },
] as const

export type KappaWord = (typeof SCALE)[number]["word"]

export const wordOf = (kappa: number): KappaWord =>
  SCALE.find(({ upTo }) => kappa <= upTo)?.word ?? "very good"

/** With two decimals and a real minus sign. */
export const formatKappa = (kappa: number): string => kappa.toFixed(2).replace("-", "−")

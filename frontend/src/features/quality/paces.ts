import type { Pace } from "@/api/people"
import { formatDuration, NOTHING } from "@/lib/format"

export const DIMENSIONS = [
  { value: "all", label: "Person" },
  { value: "kind", label: "Kind of label" },
  { value: "start", label: "Start of the form" },
  { value: "category", label: "Category that is present" },
  { value: "day", label: "Day" },
] as const satisfies readonly { value: Pace["by"]; label: string }[]

const STARTS: Record<string, string> = {
  blind: "blind: nothing was shown",
  prefilled: "pre-filled",
  empty: "empty",
}

/** What a row is of: everybody, or a person by address or pseudonym. */
export const personOf = (pace: Pace, pseudonyms: boolean): string =>
  pace.annotator === null ? "Everybody" : (!pseudonyms && pace.email) || pace.annotator

export const placeOf = ({ by, value }: Pace): string =>
  by === "start" ? (STARTS[value] ?? value) : value

export const formatSeconds = (seconds: number | undefined): string =>
  seconds === undefined ? NOTHING : formatDuration(seconds * 1000)

/** Rows of one dimension; of one person or of everybody, where a person is named. */
export const pacesBy = (paces: readonly Pace[], by: Pace["by"], annotator: string): Pace[] =>
  paces.filter((pace) => pace.by === by && (by === "all" || (pace.annotator ?? "") === annotator))

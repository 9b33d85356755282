import type { Estimate, Forecast, KindForecast } from "@/api/forecast"
import { supervisionLabel } from "@/components/supervision"
import { formatHours, formatPlural } from "@/lib/format"
import { WORK } from "@/lib/labels"

/** What people do, and for which runs where those of several supervisions learn from it. */
export function nameOf(each: KindForecast, all: readonly KindForecast[]): string {
  const work = WORK[each.kind] ?? each.kind
  const isOneOfSeveral = all.filter(({ kind }) => kind === each.kind).length > 1
  const supervision = supervisionLabel(each.supervision as "image").toLowerCase()
  return isOneOfSeveral ? `${work} for runs on ${supervision}` : work
}

/** Of accuracies in fractions: `1.2`, `−0.3`. */
export const inPoints = (gain: number): string => {
  const text = (gain * 100).toFixed(1)
  return text === "-0.0" ? "0.0" : text.replace("-", "−")
}

export const rangeInPoints = ({ low, high }: Estimate): string =>
  `${inPoints(low)} to ${inPoints(high)}`

/** What another hour of one kind is expected to bring, or which runs are missing, in a sentence. */
export function sentenceOf(each: KindForecast, forecast: Forecast): string {
  const name = nameOf(each, forecast.kinds)
  if (each.missing) {
    const { runs, hours } = each.missing
    const places = hours
      .toSorted((one, other) => one - other)
      .map((h) => (h === 0 ? "none" : formatHours(h)))
    return `Not enough runs yet to say what another hour of ${name} brings: ${formatPlural(runs, "more run")} would do, best with ${listed(places)} of labelling.`
  }
  if (!each.gain) return `Nothing is known of another hour of ${name}.`
  const what =
    forecast.measure === "miou"
      ? "percentage points of mIoU"
      : "percentage points of the weak-label score"
  const most = each.categories.filter(({ gain }) => gain.estimate > 0.0005).slice(0, 2)
  const where = most.length > 0 ? `, most for ${listed(most.map(({ category }) => category))}` : ""
  return `Another hour of ${name} is expected to bring ${inPoints(each.gain.estimate)} ${what} (${rangeInPoints(each.gain)})${where}.`
}

const listed = (words: readonly string[]): string =>
  new Intl.ListFormat("en-GB", { type: "conjunction" }).format(words)

/** Whether to stop, in a sentence; null where the project does not ask, or nothing is known. */
export function stopSentence({ stop, stop_below, kinds }: Forecast): string | null {
  if (stop_below === null || !stop.gain) return null
  const best = kinds.find((k) => k.kind === stop.kind && k.supervision === stop.supervision)
  const name = best ? nameOf(best, kinds) : ""
  const found = `an hour is best spent on ${name}, and expected to bring ${inPoints(stop.gain.estimate)} percentage points`
  const asked = `the ${inPoints(stop_below)} that this project asks for`
  return stop.answer === "stop"
    ? `It is time to stop: ${found}, less than ${asked}.`
    : `It pays to go on: ${found}, no less than ${asked}.`
}

/** How often forecasts came true, in a sentence; null where there was none. */
export function judgedSentence(kinds: readonly KindForecast[]): string | null {
  const judged = kinds.flatMap((each) => each.judged)
  if (judged.length === 0) return null
  const inside = judged.filter((each) => each.inside).length
  return `${inside} of ${formatPlural(judged.length, "earlier run")} came within what those before foretold; 80 % are to.`
}

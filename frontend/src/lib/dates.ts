import { LOCALE, NOTHING } from "./format"

const days = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium" })
const moments = new Intl.DateTimeFormat(LOCALE, { dateStyle: "medium", timeStyle: "short" })

const MINUTE = 60_000
const HOUR = 60 * MINUTE

export const formatDay = (iso: string): string => days.format(new Date(iso))

export const formatMoment = (iso: string | null): string =>
  iso === null ? NOTHING : moments.format(new Date(iso))

/** `just now`, `5 min ago`, `3 h ago`; the day when it is longer ago than a day. */
export function formatAgo(iso: string, now: number): string {
  const passed = now - new Date(iso).getTime()
  if (passed < MINUTE) return "just now"
  if (passed < HOUR) return `${Math.floor(passed / MINUTE)} min ago`
  if (passed < 24 * HOUR) return `${Math.floor(passed / HOUR)} h ago`
  return formatDay(iso)
}

export const LOCALE = "en-GB"

const counts = new Intl.NumberFormat(LOCALE)

/** What stands in a place where there is no value. */
export const NOTHING = "–"

const SECOND = 1000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE

export const formatCount = (count: number): string => counts.format(count)

/** `1 image`, `2 images`. */
export const formatPlural = (count: number, noun: string, plural = `${noun}s`): string =>
  `${formatCount(count)} ${count === 1 ? noun : plural}`

/** Two units at most: `8.1 s`, `4 min 05 s`, `2 h 07 min`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds < 10 * SECOND) return `${(milliseconds / SECOND).toFixed(1)} s`
  if (milliseconds < MINUTE) return `${Math.floor(milliseconds / SECOND)} s`
  if (milliseconds < HOUR) return twoUnits(milliseconds, MINUTE, ["min", "s"])
  return twoUnits(milliseconds, HOUR, ["h", "min"])
}

function twoUnits(milliseconds: number, unit: number, names: readonly [string, string]): string {
  const large = Math.floor(milliseconds / unit)
  const small = Math.floor((milliseconds % unit) / (unit / 60))
  return `${large} ${names[0]} ${String(small).padStart(2, "0")} ${names[1]}`
}

/** Hours of labelling: `12.3 h`, and below one hour in the units that still say something. */
export const formatHours = (hours: number): string =>
  hours < 1 ? formatDuration(hours * HOUR) : `${hours.toFixed(hours < 10 ? 2 : 1)} h`

/** A share of one: `54.3 %`. */
export const formatPercent = (share: number | null | undefined): string =>
  share === null || share === undefined ? NOTHING : `${(share * 100).toFixed(1)} %`

const UNITS = ["B", "kB", "MB", "GB", "TB"]

/** Powers of 1000, as disks and downloads are counted. */
export function formatBytes(bytes: number): string {
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(Math.max(1, bytes)) / 3))
  const value = bytes / 1000 ** power
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[power]}`
}

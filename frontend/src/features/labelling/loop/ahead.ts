import { medianOf } from "@/lib/median"

/** What says how many images are to be ready for a person. */
export type Outlook = {
  /** Active times of their labels in this session, in milliseconds. */
  times: readonly number[]
  /** Images of the project that still need labels. */
  left: number
  /** What one image takes when it is ready to be drawn, and what there is for all, in bytes. */
  bytesEach: number
  memory: number
}

const LEAST = 5
const MOST = 60
const SPAN_MS = 60_000
/** So many of the last labels tell how fast somebody is, and no fewer than the first few. */
const PACE_LABELS = 20
const FIRST_LABELS = 3

/**
 * How many images are held for one person: a minute of their own pace, so that they can go on when
 * the network is away. Never fewer than five; no more than fit into memory, and of what is left
 * no more than half, so that there is something for others. It grows by five with each label.
 */
export function imagesAhead({ times, left, bytesEach, memory }: Outlook): number {
  if (times.length < FIRST_LABELS) return LEAST
  const aMinute = Math.ceil(SPAN_MS / Math.max(1, medianOf(times.slice(-PACE_LABELS))))
  const inMemory = Math.floor(memory / Math.max(1, bytesEach))
  const share = Math.floor(left / 2)
  const grown = LEAST * (1 + times.length)
  return Math.max(LEAST, Math.min(aMinute, MOST, inMemory, share, grown))
}

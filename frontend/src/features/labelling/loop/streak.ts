/** How somebody has been getting on at this device. */
export type Streak = {
  /** The last day with a label, as in 2026-11-23 by the device's own clock. */
  day: string
  /** Labels of that day. */
  images: number
  /** Days in a row up to that one. */
  days: number
}

const DAY = /^\d{4}-\d{2}-\d{2}$/

export const NO_STREAK: Streak = { day: "", images: 0, days: 0 }

export function dayOf(date: Date): string {
  const [month, day] = [date.getMonth() + 1, date.getDate()]
  return [date.getFullYear(), month, day].map((part) => String(part).padStart(2, "0")).join("-")
}

/** One image more on this day. */
export function continued(streak: Streak, today: string): Streak {
  if (streak.day === today) return { ...streak, images: streak.images + 1 }
  return { day: today, images: 1, days: streak.day === dayBefore(today) ? streak.days + 1 : 1 }
}

/** What was kept of it, whatever that is, as it stands today. */
export function streakFrom(kept: unknown, today: string): Streak {
  const { day, images, days }: Record<keyof Streak, unknown> =
    typeof kept === "object" && kept ? { ...NO_STREAK, ...kept } : NO_STREAK
  const isWhole = typeof day === "string" && DAY.test(day)
  if (!isWhole || typeof images !== "number" || typeof days !== "number") return NO_STREAK
  if (day === today) return { day, images, days }
  return day === dayBefore(today) ? { day, images: 0, days } : NO_STREAK
}

function dayBefore(day: string): string {
  const date = new Date(`${day}T12:00:00`)
  date.setDate(date.getDate() - 1)
  return dayOf(date)
}

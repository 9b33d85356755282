import type { Scope } from "@/api/accounts"

/** What a token may be used for, in the words of the form. */
export const SCOPES: readonly { scope: Scope; label: string; description: string }[] = [
  { scope: "read", label: "Read", description: "Look at everything you may look at." },
  { scope: "label", label: "Label", description: "Lease images and submit labels." },
  { scope: "import", label: "Import", description: "Import images." },
  { scope: "runs", label: "Runs", description: "Start and cancel runs, make snapshots." },
  { scope: "admin", label: "Admin", description: "Projects, users and tokens." },
]

export const EXPIRIES = ["7", "30", "90", "365"] as const
export type Expiry = (typeof EXPIRIES)[number]

const DAY_MS = 24 * 3_600_000

/** The moment that many days after `now`, as the server takes it. */
export const expiryAfter = (days: Expiry, now: number): string =>
  new Date(now + Number(days) * DAY_MS).toISOString()

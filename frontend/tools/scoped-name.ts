import { createHash } from "node:crypto"
import { relative } from "node:path"

/** Short names for the classes of CSS modules: the usual ones do not compress. */
export function scopedName(name: string, path: string): string {
  const place = relative(import.meta.dirname, path)
  return `${name}-${createHash("sha256").update(place).digest("base64url").slice(0, 3)}`
}

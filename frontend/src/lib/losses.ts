/** What is lost when the page is left, by the part that says so. */
const losses = new Map<string, string>()
const listeners = new Set<() => void>()
let hasSessionEnded = false

function tell(): void {
  for (const listener of listeners) listener()
}

/** That leaving the page loses something, in a sentence; null when it does not any more. */
export function noteLoss(id: string, loss: string | null): void {
  if (loss === null) losses.delete(id)
  else losses.set(id, loss)
  if (losses.size === 0) hasSessionEnded = false
  tell()
}

export const isAnythingLost = (): boolean => losses.size > 0

export const allLosses = (): string => [...losses.values()].join("\n")

/** The session has ended on the server: true where the page has to stay for what is on it. */
export function staysSignedOut(): boolean {
  if (!isAnythingLost()) return false
  hasSessionEnded = true
  tell()
  return true
}

export function noteSignedIn(): void {
  if (!hasSessionEnded) return
  hasSessionEnded = false
  tell()
}

export const isSignedOut = (): boolean => hasSessionEnded

/** Returns how to stop listening. */
export function onLosses(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

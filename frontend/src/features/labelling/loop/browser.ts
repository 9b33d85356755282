/** Browsers know locks only on https and on this machine; elsewhere the key keeps labels single. */
export async function exclusively(task: () => Promise<void>): Promise<void> {
  const locks: LockManager | undefined = navigator.locks
  await (locks ? locks.request("weakseg-outbox", task) : task())
}

/** 128 random bits; unlike `randomUUID` on every address that a server may have. */
export function newId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16))
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("")
}

/** Returns how to call it off. */
export function later(run: () => void, ms: number): () => void {
  const timer = setTimeout(run, ms)
  return () => clearTimeout(timer)
}

import type { Clock } from "@/lib/clock"
import type { Feed, Leased } from "./feed"
import type { Kept, Outbox } from "./outbox"

const BEAT_MS = 30_000

type Watched = {
  work: { clock: () => Clock | null; isFrontInWork: () => boolean }
  feed: Pick<Feed<Leased>, "beat" | "close" | "open">
  outbox: Pick<Outbox<Kept>, "snapshot">
  /** Hold what is on its way to the server for longer. */
  renewWaiting: () => void
  /** Try everything again that waits. */
  resume: () => void
}

/** What is held is renewed while the page can be seen and given back when it is left. */
export function watchPage({ work, feed, outbox, renewWaiting, resume }: Watched): () => void {
  const beat = () => {
    if (document.hidden) return
    void feed.beat(work.isFrontInWork())
    renewWaiting()
  }
  const look = () => {
    if (document.hidden) work.clock()?.hide()
    else work.clock()?.show()
    beat()
  }
  const guard = (event: BeforeUnloadEvent) => {
    const { isFragile, waiting } = outbox.snapshot()
    if (isFragile && waiting.length > 0) event.preventDefault()
  }
  const timer = setInterval(beat, BEAT_MS)
  const watched = new AbortController()
  const { signal } = watched
  document.addEventListener("visibilitychange", look, { signal })
  window.addEventListener("online", resume, { signal })
  window.addEventListener("pagehide", () => feed.close(), { signal })
  window.addEventListener("pageshow", (event) => event.persisted && feed.open(), { signal })
  window.addEventListener("beforeunload", guard, { signal })
  return () => {
    clearInterval(timer)
    watched.abort()
  }
}

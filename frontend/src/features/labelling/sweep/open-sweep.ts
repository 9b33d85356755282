import { createStore } from "idb-keyval"
import type { Project } from "@/api/projects"
import type { Me } from "@/api/session"
import { exclusively, later, newId } from "../loop/browser"
import { Feed } from "../loop/feed"
import { Outbox } from "../loop/outbox"
import { parcelStore } from "../loop/stores"
import { isPassing, isSignedOut } from "../loop/transport"
import { markStore } from "./marks"
import { type AnsweredPage, type Held, releasePage, renewPage, sendPage, takePage } from "./pages"
import { Sweep } from "./sweep"

/** The page that is shown, and the next one. */
const AHEAD = 2
const BEAT_MS = 30_000

/** All that works behind one open page of a sweep. */
export type SweepSession = {
  sweep: Sweep
  feed: Feed<Held>
  outbox: Outbox<AnsweredPage>
  /** Try everything again that waits: the network is back, or somebody signed in. */
  resume: () => void
  close: () => void
}

/** `isLoaded` once it knows what an earlier page left behind. */
type Post = { outbox: Outbox<AnsweredPage>; isLoaded: Promise<void> }

const posts = new Map<number, Post>()

/** One outbox a person, which goes on sending when the page is left. */
function postOf(annotatorId: number): Post {
  const known = posts.get(annotatorId)
  known?.outbox.retry()
  if (known) return known
  const store = parcelStore<AnsweredPage>(createStore("weakseg-sweeps", "pages"))
  const outbox = new Outbox({ annotatorId, store, send: sendPage, exclusively, later })
  const post = { outbox, isLoaded: outbox.load() }
  posts.set(annotatorId, post)
  window.addEventListener("online", () => outbox.retry())
  return post
}

/** Start to answer one category, page by page. */
export function openSweep(project: Project, category: string, me: Me): SweepSession {
  const { outbox, isLoaded } = postOf(me.id)
  const sweeper = { annotatorId: me.id, projectId: project.id, category }
  const feed: Feed<Held> = new Feed<Held>({
    ahead: AHEAD,
    take: async () => {
      await isLoaded
      const onTheirWay = outbox.snapshot().waiting.map((parcel) => parcel.pageId)
      return takePage(sweeper, [...feed.snapshot().queue.map(({ id }) => id), ...onTheirWay])
    },
    renew: renewPage,
    release: releasePage,
    isOnItsWay: () => false,
    isPassing,
    isSignedOut,
    later,
  })
  const sweep = new Sweep({
    author: { annotatorId: me.id, annotator: me.email, projectId: project.id },
    feed,
    outbox,
    marks: markStore(sessionStorage, `weakseg-sweep/${me.id}/${project.id}/${category}`),
    now: () => performance.now(),
    newId,
  })
  const resume = () => {
    outbox.retry()
    void feed.fill()
  }
  const stop = watchPage({ sweep, feed, outbox, resume })
  // Pages that are on their way count among those that a person may hold.
  const stopWaiting = outbox.subscribe(() => void feed.fill())
  const close = () => {
    stop()
    stopWaiting()
    feed.close()
  }
  void feed.fill()
  return { sweep, feed, outbox, resume, close }
}

type Watched = Omit<SweepSession, "close">

/** Pages are held while they can be seen and given back when the sweep is left. */
function watchPage({ sweep, feed, outbox, resume }: Watched): () => void {
  const beat = () => {
    if (document.hidden) return
    void feed.beat(sweep.isFrontInWork())
    for (const { pageId } of outbox.snapshot().waiting) void renewPage(pageId)
  }
  const look = () => {
    if (document.hidden) sweep.clock()?.hide()
    else sweep.clock()?.show()
    beat()
  }
  const note = () => sweep.clock()?.input()
  const guard = (event: BeforeUnloadEvent) => {
    const { isFragile, waiting } = outbox.snapshot()
    if (isFragile && waiting.length > 0) event.preventDefault()
  }
  const timer = setInterval(beat, BEAT_MS)
  const watched = new AbortController()
  const { signal } = watched
  for (const kind of ["keydown", "pointerdown", "pointermove", "wheel"] as const)
    window.addEventListener(kind, note, { passive: true, signal })
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

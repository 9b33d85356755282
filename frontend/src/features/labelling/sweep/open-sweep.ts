import { createStore } from "idb-keyval"
import type { Project } from "@/api/projects"
import type { Me } from "@/api/session"
import { noteInputs } from "@/lib/clock"
import { exclusively, later, newId } from "../loop/browser"
import { Feed } from "../loop/feed"
import { Outbox } from "../loop/outbox"
import { parcelStore } from "../loop/stores"
import { isPassing, isSignedOut } from "../loop/transport"
import { watchPage } from "../loop/watch-page"
import { markStore } from "./mark-store"
import { type AnsweredPage, type Held, releasePage, renewPage, sendPage, takePage } from "./pages"
import { Sweep } from "./sweep"

/** The page that is shown, and the next one. */
const AHEAD = 2

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
    ahead: () => AHEAD,
    take: async () => {
      await isLoaded
      const onTheirWay = outbox.snapshot().waiting.map((parcel) => parcel.pageId)
      return takePage(sweeper, [...feed.snapshot().queue.map(({ id }) => id), ...onTheirWay])
    },
    renew: async (ids) => {
      const kept = await Promise.all(ids.map(renewPage))
      return ids.filter((_, index) => !kept[index])
    },
    release: (ids) => ids.forEach(releasePage),
    isOnItsWay: () => false,
    isPassing,
    isSignedOut,
    // Says so with an empty page.
    isFull: () => false,
    later,
  })
  const sweep = new Sweep({
    author: { annotatorId: me.id, annotator: me.email, projectId: project.id },
    feed,
    outbox,
    marks: markStore(sessionStorage, `weakseg-sweep/${me.id}/${project.id}/${category}`),
    leastMs: project.min_view_ms,
    now: () => performance.now(),
    newId,
  })
  const resume = () => {
    outbox.retry()
    void feed.fill()
  }
  const renewWaiting = () => {
    for (const { pageId } of outbox.snapshot().waiting) void renewPage(pageId)
  }
  const stop = watchPage({ work: sweep, feed, outbox, renewWaiting, resume })
  const stopNoting = noteInputs(sweep)
  // Pages that are on their way count among those that a person may hold.
  const stopWaiting = outbox.subscribe(() => void feed.fill())
  const close = () => {
    stop()
    stopNoting()
    stopWaiting()
    feed.close()
  }
  void feed.fill()
  return { sweep, feed, outbox, resume, close }
}

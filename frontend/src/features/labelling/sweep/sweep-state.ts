import type { SweepPage } from "@/api/sweeps"
import type { Feed } from "../loop/feed"
import type { Outbox } from "../loop/outbox"
import type { Standing } from "../loop/work-queue"
import type { Marks } from "./marks"
import type { AnsweredPage, Held } from "./pages"

/** One page with what the person has said of it. */
export type Turn = {
  readonly page: SweepPage
  readonly marks: Marks
  /** As it is without what the person says. */
  readonly start: Marks
  /** As it was submitted last. */
  readonly sent: Marks | null
  /** The place of the image that keys mean. */
  readonly at: number
}

export type SweepState = Standing & {
  turn: Turn | null
  isLarge: boolean
  /** Images that were answered in this session. */
  finished: number
}

/** The marks on the newest page, which outlive a reload. */
export type MarkStore = { read: () => Marks; write: (marks: Marks) => void }

export type SweepParts = {
  author: Pick<AnsweredPage, "annotatorId" | "annotator" | "projectId">
  feed: Feed<Held>
  outbox: Outbox<AnsweredPage>
  marks: MarkStore
  /** For how long a page must have been seen before it can be answered, in milliseconds. */
  leastMs: number
  /** Milliseconds that only grow. */
  now: () => number
  newId: () => string
}

import type { SweepPage } from "@/api/sweeps"
import type { Clock } from "@/lib/clock"
import type { Feed } from "../loop/feed"
import type { Outbox } from "../loop/outbox"
import type { Said } from "../loop/workspace-state"
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
  /** Runs since all images of the page were painted. */
  readonly clock: Clock | null
}

export type SweepState = {
  turn: Turn | null
  /** How many pages back the one that is shown is; 0 for a new one. */
  stepsBack: number
  hasPast: boolean
  isLarge: boolean
  /** Images that were answered in this session. */
  finished: number
  /** Whether the next press saves that none of the images has it, which the person was told. */
  isAsked: boolean
  said: Said
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

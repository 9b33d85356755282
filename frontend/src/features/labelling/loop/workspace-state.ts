import type { Project } from "@/api/projects"
import type { Draft, Task } from "./draft"
import type { Feed } from "./feed"
import type { KeptDrafts } from "./kept-drafts"
import type { Outbox, Parcel } from "./outbox"
import type { Lease } from "./transport"
import type { PastBefore } from "./visited"

/** A message for the person; each is new even with the same words. */
export type Said = { text: string; number: number; isShown: boolean }

export type WorkspaceState = {
  task: Task | null
  draft: Draft | null
  /** How many images back the one on the stage is; 0 for a new one. */
  stepsBack: number
  isLoadingPast: boolean
  /** Images that were labelled or skipped in this session. */
  finished: number
  /** Active times of the labels of this session, in milliseconds; skips are not counted. */
  times: readonly number[]
  /** Whether the next press saves that everything is absent, which the person has been told. */
  isAsked: boolean
  said: Said
}

export type WorkspaceParts = {
  project: Project
  /** Whose labels these are. */
  author: Pick<Parcel, "annotatorId" | "annotator">
  feed: Feed<Lease>
  outbox: Outbox
  keptDrafts: KeptDrafts
  /** Milliseconds that only grow. */
  now: () => number
  newId: () => string
  pastBefore: PastBefore<Task>
  /** Called with all images that should be ready, the one on the stage first. */
  want: (tasks: readonly Task[]) => void
}

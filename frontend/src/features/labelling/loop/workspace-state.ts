import type { Project } from "@/api/projects"
import type { Draft, Task } from "./draft"
import type { Feed } from "./feed"
import type { KeptDrafts } from "./kept-drafts"
import type { Outbox, Parcel } from "./outbox"
import type { Lease } from "./transport"
import type { PastBefore } from "./visited"
import type { Standing } from "./work-queue"

export type WorkspaceState = Standing & {
  task: Task | null
  draft: Draft | null
  /** Images that were labelled or skipped in this session. */
  finished: number
  /** Active times of the labels of this session, in milliseconds; skips are not counted. */
  times: readonly number[]
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

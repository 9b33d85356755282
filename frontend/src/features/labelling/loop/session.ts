import type { Project } from "@/api/projects"
import { progressOf } from "@/api/projects"
import type { Me } from "@/api/session"
import { rulesOf } from "../modes/rules"
import { prepareOverlays } from "../stage/overlay-maker"
import { closePicture, loadPicture, type Picture } from "../stage/picture"
import { imagesAhead } from "./ahead"
import { exclusively, later, newId } from "./browser"
import type { Task } from "./draft"
import { Feed } from "./feed"
import { KeptDrafts } from "./kept-drafts"
import { Outbox } from "./outbox"
import { PictureCache } from "./picture-cache"
import { draftStore, parcelStore } from "./stores"
import {
  fileOf,
  imageOf,
  isFull,
  isPassing,
  isSignedOut,
  type Lease,
  ownLabels,
  predictionOf,
  releaseLeases,
  renewLeases,
  sendLabel,
  takeLeases,
} from "./transport"
import { watchPage } from "./watch-page"
import { Workspace } from "./workspace"

const PAST_PAGE = 5
/** As many as one request may name. */
const MOST_RENEWED = 200
/** An eighth of the device's, as far as the browser tells, for pictures that are ready; in bytes. */
const MEMORY = ((navigator as { deviceMemory?: number }).deviceMemory ?? 4) * 2 ** 27

/** All that works behind one open labelling page. */
export type Session = {
  workspace: Workspace
  feed: Feed<Lease>
  outbox: Outbox
  pictures: PictureCache<Task, Picture>
  /** Draw the predictions in these colours, one for each category. */
  paintIn: (colors: readonly string[]) => void
  /** So many images of the project still need labels, by the last count. */
  noteLeft: (count: number) => void
  /** Try everything again that waits: the network is back, or somebody signed in. */
  resume: () => void
  close: () => void
}

const outboxes = new Map<number, Outbox>()

/** One outbox a person, which goes on sending when the labelling page is left. */
function outboxOf(annotatorId: number): Outbox {
  const known = outboxes.get(annotatorId)
  known?.retry()
  if (known) return known
  const outbox = new Outbox({
    annotatorId,
    store: parcelStore(),
    send: sendLabel,
    exclusively,
    later,
  })
  outboxes.set(annotatorId, outbox)
  window.addEventListener("online", () => outbox.retry())
  void outbox.load()
  return outbox
}

/** Start work on a project's images. */
export function openSession(project: Project, me: Pick<Me, "id" | "email">): Session {
  const outbox = outboxOf(me.id)
  const store = draftStore()
  const today = () => Date.now()
  const keptDrafts = new KeptDrafts({ annotatorId: me.id, projectId: project.id, store, today })
  const paint = { colors: project.categories.map((category) => category.color) }
  const pictures = pictureCache(paint)
  const paintIn = (colors: readonly string[]) => {
    if (colors.join() === paint.colors.join()) return
    paint.colors = [...colors]
    pictures.reload()
  }
  let left = progressOf(project).left
  const feed: Feed<Lease> = new Feed<Lease>({
    ahead: () => {
      const { queue } = feed.snapshot()
      const bytesEach = Math.max(0, ...queue.map(bytesOf))
      return imagesAhead({ times: workspace.snapshot().times, left, bytesEach, memory: MEMORY })
    },
    take: async (count) => {
      const [leases] = await Promise.all([takeLeases(me.id, project.id, count), keptDrafts.ready])
      return leases
    },
    renew: renewLeases,
    release: releaseLeases,
    isOnItsWay: (id) => outbox.snapshot().waiting.some((parcel) => parcel.imageId === id),
    isPassing,
    isSignedOut,
    isFull,
    later,
  })
  const workspace: Workspace = new Workspace({
    project,
    author: { annotatorId: me.id, annotator: me.email },
    feed,
    outbox,
    keptDrafts,
    now: () => performance.now(),
    newId,
    pastBefore: (cursor) => pastBefore(project, cursor),
    want: (tasks) => pictures.want(tasks),
  })
  const resume = () => {
    outbox.retry()
    pictures.retry()
    void feed.fill()
  }
  const renewWaiting = () => {
    const ids = outbox.snapshot().waiting.map(({ body }) => body.lease_id)
    const held = ids.filter((id) => typeof id === "string").slice(-MOST_RENEWED)
    if (held.length > 0) void renewLeases(held)
  }
  const stop = watchPage({ work: workspace, feed, outbox, renewWaiting, resume })
  const close = () => {
    stop()
    feed.close()
    pictures.want([])
  }
  void feed.fill()
  if (project.show_predictions) prepareOverlays()
  rulesOf(project).mode.marking.preload()
  const noteLeft = (count: number) => {
    left = count
  }
  return { workspace, feed, outbox, pictures, paintIn, noteLeft, resume, close }
}

/** At most, with the mask of a prediction; four bytes a pixel. */
const bytesOf = ({ image, prediction }: Lease): number =>
  image.width * image.height * (prediction ? 8 : 4)

function pictureCache(paint: { colors: readonly string[] }): PictureCache<Task, Picture> {
  return new PictureCache({
    load: ({ image, prediction }) => {
      const maskUrl = prediction?.mask_url ?? null
      const { colors } = paint
      return loadPicture({ url: image.url, width: image.width, maskUrl, colors }, fileOf)
    },
    close: closePicture,
    isPassing,
    later,
  })
}

async function pastBefore(project: Project, cursor: string | null) {
  const page = await ownLabels(project.id, cursor, PAST_PAGE)
  const taskOf = async (label: (typeof page.items)[number]): Promise<Task> => {
    const [image, prediction] = await Promise.all([
      imageOf(label.image_id),
      project.show_predictions ? predictionOf(label.image_id) : null,
    ])
    const { id } = image
    return { id, image, leaseId: null, prediction, label, prefill: null, isBlind: label.blind }
  }
  return { tasks: await Promise.all(page.items.map(taskOf)), next: page.next_cursor }
}

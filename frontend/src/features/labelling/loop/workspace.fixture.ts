import type { Project } from "@/api/projects"
import { presenceOf } from "../answer/sheet"
import { rulesOf } from "../modes/rules"
import type { Task } from "./draft"
import { type DraftStore, KeptDrafts } from "./kept-drafts"
import type { Parcel } from "./outbox"
import { feedOf, outboxTo } from "./server.fixture"
import type { Label, Lease } from "./transport"
import { Workspace } from "./workspace"

const category = (id: number, name: string, key: string) => ({ id, name, color: "#112233", key })
const categories = [category(1, "Road", "r"), category(2, "Car", "c"), category(3, "Sky", "s")]

export function projectWith(change: Partial<Project> = {}): Project {
  const counts = { total: 9, registered: 0, ready: 9, rejected: 0, labelled: 0, leased: 0 }
  const images = { ...counts, answers: 0, answers_wanted: 9 }
  const policy = { source: null, validation: null, recipe: "cpu-small", retrain_after: null }
  const shown = {
    min_view_ms: 0,
    show_predictions: true,
    blind_share: 0.1,
    gold_share: 0.02,
    overlap: 1,
    overlap_share: 1,
    overlap_first: null,
    stop_below: null,
    idle_after_s: 10,
  }
  const ways = { prefill: "none", order: "imported", mode: "tags-and-points" } as const
  const form = { ...ways, points_per_category: 1, tile_rows: 2, tile_cols: 2 }
  const access = { open_to_everybody: false, role: "annotator" } as const
  const named = {
    ...access,
    id: 7,
    name: "Streets",
    description: "",
    created_at: "2026-11-22T10:00:00Z",
    archived_at: null,
  }
  const supervision: Project["supervision"] = "point"
  return { ...named, ...policy, ...shown, ...form, supervision, categories, images, ...change }
}

export const imageOf = (id: number) => ({
  id,
  external_id: `street ${id}`,
  width: 480,
  height: 360,
  url: `/api/v1/images/${id}/file`,
})

export function leaseOf(id: number, change: Partial<Lease> = {}): Lease {
  const lease = { id: `lease-${id}`, expires_at: "", image: imageOf(id), prediction: null }
  return { ...lease, label: null, prefill: null, blind: false, ...change }
}

export function labelOf(imageId: number, change: Partial<Label> = {}): Label {
  const who = { id: imageId, image_id: imageId, annotator_id: 1, annotator: "a", revision: 1 }
  const tags = { present: ["Car"], absent: ["Road"], unsure: ["Sky"] }
  const said = { ...tags, points: [], tiles: null, skipped: null, resolves: false, partial: false }
  const from = { blind: false, prefilled: [], prefilled_by: null, imported: null }
  return { ...who, ...said, ...from, active_ms: 1, wall_ms: 1, created_at: "", ...change }
}

/** Drafts that outlive a page of the test. */
export function draftsInMemory(): DraftStore {
  const kept = new Map<number, string>()
  return {
    all: async () => [...kept.values()].map((text) => JSON.parse(text)),
    put: async (draft) => void kept.set(draft.imageId, JSON.stringify(draft)),
    remove: async (draft) => void kept.delete(draft.imageId),
  }
}

/** A workspace over a server with images 1, 2, 3, ... that notes what it was sent. */
export async function workspaceWith(
  options: { project?: Project; leases?: Lease[]; past?: Task[]; drafts?: DraftStore } = {},
) {
  const { project = projectWith(), past = [], drafts = draftsInMemory() } = options
  const leases = options.leases ?? Array.from({ length: 20 }, (_, index) => leaseOf(index + 1))
  const time = { ms: 1000 }
  const sent: Parcel[] = []
  const wanted: number[][] = []
  const feed = feedOf(5, (count) => leases.splice(0, count))
  const outbox = outboxTo(sent)
  const keptDrafts = new KeptDrafts({ annotatorId: 1, projectId: 7, store: drafts, today: () => 0 })
  const workspace = new Workspace({
    project,
    author: { annotatorId: 1, annotator: "a@example.org" },
    feed,
    outbox,
    keptDrafts,
    now: () => time.ms,
    newId: () => `key-${sent.length}`,
    pastBefore: async (cursor) => ({ tasks: cursor === null ? past : [], next: null }),
    want: (tasks) => wanted.push(tasks.map((task) => task.id)),
  })
  await keptDrafts.ready
  await feed.fill()
  const shown = () => workspace.snapshot().task?.id
  const look = (ms = 0) => {
    workspace.painted(shown() ?? 0)
    time.ms += ms
  }
  const rules = rulesOf(project)
  const press = (name: string) =>
    workspace.edit(`press ${name}`, (sheet) => rules.mode.pressed(sheet, name, rules))
  const isTicked = (name: string) => {
    const sheet = workspace.snapshot().draft?.history.present
    return sheet !== undefined && presenceOf(sheet, name) === "present"
  }
  /** Save and go on, also where the page asks whether an empty form is meant. */
  const submit = async () => {
    await workspace.submit()
    if (workspace.snapshot().isAsked) await workspace.submit()
  }
  return { workspace, project, time, sent, wanted, shown, look, press, submit, isTicked }
}

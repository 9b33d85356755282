import type { Timing } from "@/lib/clock"
import type { Sheet } from "../answer/sheet"

/** What was said of an image and is not submitted yet, in a form that outlives the page. */
export type KeptDraft = {
  annotatorId: number
  projectId: number
  imageId: number
  /** Names the submitted answer that it changes, if any, and the form of both. */
  basis: string
  sheet: Sheet
  /** Null when the image could not be seen. */
  timing: Timing | null
  /** Milliseconds since 1970. */
  keptAt: number
}

/** Where drafts outlive the page. */
export type DraftStore = {
  all: () => Promise<KeptDraft[]>
  put: (draft: KeptDraft) => Promise<void>
  remove: (draft: KeptDraft) => Promise<void>
}

type KeptDraftsParts = {
  annotatorId: number
  projectId: number
  store: DraftStore
  /** Milliseconds since 1970. */
  today: () => number
}

/** Whoever has not come back to an image by then starts it anew. */
const KEPT_MS = 14 * 24 * 3600 * 1000

/** One person's drafts of one project. What this device cannot keep lives as long as the page. */
export class KeptDrafts {
  private readonly parts: KeptDraftsParts
  private readonly drafts = new Map<number, KeptDraft>()
  private readonly unwritten = new Map<number, KeptDraft>()
  private isWriting = false
  /** Resolves once the drafts of an earlier page are there. */
  readonly ready: Promise<void>

  constructor(parts: KeptDraftsParts) {
    this.parts = parts
    this.ready = this.load()
  }

  find(imageId: number): KeptDraft | null {
    return this.drafts.get(imageId) ?? null
  }

  keep(imageId: number, said: Pick<KeptDraft, "basis" | "sheet" | "timing">): void {
    const { annotatorId, projectId, today } = this.parts
    const draft = { annotatorId, projectId, imageId, ...said, keptAt: today() }
    this.drafts.set(imageId, draft)
    this.write(draft)
  }

  /** It was submitted, skipped or taken back. */
  drop(imageId: number): void {
    const draft = this.drafts.get(imageId)
    if (!draft) return
    this.drafts.delete(imageId)
    this.write(draft)
  }

  private async load(): Promise<void> {
    const { annotatorId, projectId, store, today } = this.parts
    const kept = await store.all().catch(() => [])
    for (const draft of kept) {
      if (today() - draft.keptAt > KEPT_MS) void store.remove(draft).catch(() => undefined)
      else if (draft.annotatorId === annotatorId && draft.projectId === projectId)
        this.drafts.set(draft.imageId, draft)
    }
  }

  /** One write at a time; of many changes of an image only the last is written. */
  private write(draft: KeptDraft): void {
    this.unwritten.set(draft.imageId, draft)
    if (!this.isWriting) void this.writeAll()
  }

  private async writeAll(): Promise<void> {
    this.isWriting = true
    for (let [next] = this.unwritten.values(); next; [next] = this.unwritten.values()) {
      this.unwritten.delete(next.imageId)
      const draft = this.drafts.get(next.imageId)
      const { store } = this.parts
      await (draft ? store.put(draft) : store.remove(next)).catch(() => undefined)
    }
    this.isWriting = false
  }
}

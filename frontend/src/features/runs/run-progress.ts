import type { MetricPoint, RunState } from "@/api/runs"

/** One point of a curve. */
export type Sample = { step: number; value: number }

/** One evaluation: mIoU and IoU per category, null where it is not known. */
export type Evaluation = {
  step: number
  phase: string
  miou: number | null
  iou: Readonly<Record<string, number | null>>
}

/** What a run has said so far. */
export type RunProgress = {
  lastId: number
  state: RunState | null
  step: number
  steps: number
  phase: string | null
  /** Expected seconds to the end, as said at `saidAt` (ISO). */
  etaSeconds: number | null
  saidAt: string | null
  imagesPerSecond: number | null
  device: string | null
  losses: Readonly<Record<string, readonly Sample[]>>
  evaluations: readonly Evaluation[]
  predicting: { done: number; total: number } | null
  checkpoints: number
  /** What a person should know of what the run starts from. */
  notes: readonly string[]
}

export const SILENCE: RunProgress = {
  lastId: 0,
  state: null,
  step: 0,
  steps: 0,
  phase: null,
  etaSeconds: null,
  saidAt: null,
  imagesPerSecond: null,
  device: null,
  losses: {},
  evaluations: [],
  predicting: null,
  checkpoints: 0,
  notes: [],
}

/** Adds events in order of their ids; those that were added before change nothing. */
export function addEvents(progress: RunProgress, events: readonly MetricPoint[]): RunProgress {
  const losses = Object.entries(progress.losses).map(([name, samples]) => [name, [...samples]])
  const draft: Draft = {
    ...progress,
    losses: Object.fromEntries(losses),
    evaluations: [...progress.evaluations],
  }
  for (const event of events) {
    if (event.id <= draft.lastId) continue
    ADDITIONS[event.kind]?.(draft, event.payload, event)
    draft.lastId = event.id
  }
  return draft
}

/** Copied once for many events, then written to: a long run has tens of thousands of them. */
type Draft = Omit<RunProgress, "losses" | "evaluations"> & {
  losses: Record<string, Sample[]>
  evaluations: Evaluation[]
}

type Payload = MetricPoint["payload"]

const ADDITIONS: Record<string, (draft: Draft, payload: Payload, event: MetricPoint) => void> = {
  started: addStart,
  progress: addProgress,
  evaluated: addEvaluation,
  checkpoint: (draft) => {
    draft.checkpoints += 1
  },
  predicting: (draft, payload) => {
    draft.etaSeconds = null
    draft.predicting = {
      done: numberIn(payload, "done") ?? 0,
      total: numberIn(payload, "total") ?? 0,
    }
  },
  state: (draft, payload) => {
    draft.state = textIn(payload, "state") as RunState
  },
}

/** An attempt that resumes at a checkpoint takes back what the one before did after it. */
function addStart(draft: Draft, payload: Payload): void {
  const first = numberIn(payload, "first_step") ?? 0
  const kept = Object.entries(draft.losses)
    .map(([name, samples]) => [name, samples.filter(({ step }) => step <= first)] as const)
    .filter(([, samples]) => samples.length > 0)
  draft.losses = Object.fromEntries(kept)
  draft.evaluations = draft.evaluations.filter(({ step }) => step <= first)
  draft.step = first
  draft.steps = numberIn(payload, "steps") ?? draft.steps
  draft.device = textIn(payload, "device")
  draft.notes = textsIn(payload, "notes")
  // All that were saved before are told of again.
  draft.checkpoints = 0
  draft.phase = null
  draft.predicting = null
}

function addProgress(draft: Draft, payload: Payload, event: MetricPoint): void {
  draft.step = numberIn(payload, "step") ?? draft.step
  draft.steps = numberIn(payload, "steps") ?? draft.steps
  draft.phase = textIn(payload, "phase")
  draft.etaSeconds = numberIn(payload, "eta_seconds")
  draft.imagesPerSecond = numberIn(payload, "images_per_second")
  draft.saidAt = event.at
  for (const [name, value] of Object.entries(recordIn(payload, "losses"))) {
    if (typeof value !== "number") continue
    const samples = draft.losses[name] ?? []
    samples.push({ step: draft.step, value })
    draft.losses[name] = samples
  }
}

function addEvaluation(draft: Draft, payload: Payload): void {
  const score = recordIn(payload, "score")
  const iou = Object.entries(recordIn(score, "iou")).map(
    ([name, value]) => [name, typeof value === "number" ? value : null] as const,
  )
  draft.evaluations.push({
    step: numberIn(payload, "step") ?? draft.step,
    phase: textIn(payload, "phase") ?? "",
    miou: numberIn(score, "miou"),
    iou: Object.fromEntries(iou),
  })
}

function numberIn(payload: Payload, name: string): number | null {
  const value = payload[name]
  return typeof value === "number" ? value : null
}

function textIn(payload: Payload, name: string): string | null {
  const value = payload[name]
  return typeof value === "string" ? value : null
}

function textsIn(payload: Payload, name: string): string[] {
  const value = payload[name]
  return Array.isArray(value) ? value.filter((each) => typeof each === "string") : []
}

function recordIn(payload: Payload, name: string): Payload {
  const value = payload[name]
  return typeof value === "object" && value !== null ? (value as Payload) : {}
}

/** Milliseconds to the end as of `now`; null when the run has not said. */
export function remainingMs(progress: RunProgress, now: number): number | null {
  if (progress.etaSeconds === null || progress.saidAt === null) return null
  const passed = now - new Date(progress.saidAt).getTime()
  return Math.max(0, progress.etaSeconds * 1000 - passed)
}

import { isFinal, type Run, type RunState } from "@/api/runs"
import { Badge, type Tone } from "@/components/badge"
import { formatDuration, NOTHING } from "@/lib/format"

const LOOKS: Record<RunState, { label: string; tone: Tone }> = {
  queued: { label: "Queued", tone: "plain" },
  running: { label: "Running", tone: "info" },
  interrupted: { label: "Interrupted", tone: "warn" },
  succeeded: { label: "Succeeded", tone: "good" },
  failed: { label: "Failed", tone: "bad" },
  cancelled: { label: "Cancelled", tone: "plain" },
}

export function RunStateBadge({ run }: { run: Run }) {
  if (run.cancel_requested && !isFinal(run)) return <Badge tone="warn">Cancelling</Badge>
  const { label, tone } = LOOKS[run.state]
  return <Badge tone={tone}>{label}</Badge>
}

/** How long a run has taken so far. */
export function durationOf(run: Run, now: number): string {
  if (run.started_at === null) return NOTHING
  const end = run.finished_at === null ? now : Date.parse(run.finished_at)
  return formatDuration(Math.max(0, end - Date.parse(run.started_at)))
}

import type { LabelTrail } from "@/api/people"

export type Stretch = { from: number; to: number; kind: "active" | "idle" | "hidden" | "waiting" }

/**
 * What every moment of a label's clock counted as, in milliseconds since it was painted.
 *
 * Of the time from one input to the next the first `idleMs` are active, hidden and waiting time
 * left out; the rest is idle. Painting and submitting count as inputs.
 */
export function stretchesOf(
  events: LabelTrail["events"],
  wallMs: number,
  idleMs: number,
): Stretch[] {
  const stretches: Stretch[] = []
  let since = 0
  let left = idleMs
  let away: Away = { hidden: false, waiting: false }
  for (const { at, kind } of [...events, { at: wallMs, kind: "input" }]) {
    const gone = goneBy(away)
    const active = gone ? 0 : Math.min(at - since, left)
    append(stretches, { from: since, to: since + active, kind: "active" })
    append(stretches, { from: since + active, to: at, kind: gone ?? "idle" })
    left = kind === "input" ? idleMs : left - active
    away = after(away, kind)
    since = at
  }
  return stretches
}

type Away = { hidden: boolean; waiting: boolean }

const goneBy = ({ hidden, waiting }: Away) => (hidden ? "hidden" : waiting ? "waiting" : null)

const after = ({ hidden, waiting }: Away, kind: string): Away => ({
  hidden: kind === "hidden" || (hidden && kind !== "visible"),
  waiting: kind === "wait-start" || (waiting && kind !== "wait-end"),
})

function append(stretches: Stretch[], next: Stretch): void {
  if (next.to <= next.from) return
  const last = stretches.at(-1)
  if (last?.kind === next.kind) last.to = next.to
  else stretches.push(next)
}

export const totalOf = (stretches: readonly Stretch[], wanted: Stretch["kind"]): number =>
  stretches.reduce((sum, { from, to, kind }) => sum + (kind === wanted ? to - from : 0), 0)

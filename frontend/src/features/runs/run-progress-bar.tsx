import type { Run } from "@/api/runs"
import { Card } from "@/components/layout"
import { ProgressBar } from "@/components/progress-bar"
import { formatCount, formatDuration } from "@/lib/format"
import { useNow } from "@/lib/use-now"
import { type RunProgress, remainingMs } from "./run-progress"
import styles from "./runs.module.css"

type RunProgressBarProps = { run: Run; progress: RunProgress }

/** How far a run is, in steps, or in images once it predicts. */
export function RunProgressBar({ run, progress }: RunProgressBarProps) {
  const now = useNow(true)
  const remaining = remainingMs(progress, now)
  const steps = Math.max(progress.steps, run.steps)
  const step = Math.max(progress.step, run.step)
  if (run.state === "queued") {
    return (
      <Card title="Waiting for a worker">
        <p className={styles.meta}>
          Runs of a device are trained one after the other. If it stays here, look whether a worker
          is running.
        </p>
      </Card>
    )
  }
  if (progress.predicting) {
    const { done, total } = progress.predicting
    return (
      <Card title="Predicting the target images">
        <ProgressBar
          label="Predictions"
          value={done}
          max={total}
          left={`${formatCount(done)} of ${formatCount(total)} images`}
        />
      </Card>
    )
  }
  return (
    <Card title={titleOf(run, progress)}>
      <ProgressBar
        label="Training"
        value={step}
        max={steps}
        left={`Step ${formatCount(step)} of ${formatCount(steps)}`}
        right={remaining !== null && leftToGo(remaining)}
      />
    </Card>
  )
}

const leftToGo = (milliseconds: number): string =>
  milliseconds < 1000 ? "almost there" : `about ${formatDuration(milliseconds)} left`

function titleOf(run: Run, { phase }: RunProgress): string {
  if (run.state === "interrupted") return "Interrupted: its worker went away, it goes on by itself"
  if (phase === "warm-up") return "Warming up on the source domain"
  return phase === "adaptation"
    ? "Adapting to the target images"
    : "Starting: the data is being read"
}

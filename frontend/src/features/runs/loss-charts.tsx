import { useCallback } from "react"
import { Chart, type PlotLibrary, TIP } from "@/components/chart"
import { Section } from "@/components/layout"
import type { RunProgress, Sample } from "./run-progress"
import styles from "./runs.module.css"

const HEIGHT = 130

/** What each term of the loss is called, in the order in which they are shown. */
const LOSSES: readonly (readonly [name: string, title: string])[] = [
  ["source", "Source masks"],
  ["source_overlap", "Overlap with source masks"],
  ["source_presence", "Presence on the source"],
  ["image_label", "Image-level labels"],
  ["point", "Point labels"],
  ["dense", "Target masks"],
  ["dense_overlap", "Overlap with target masks"],
  ["self_training", "Self-training"],
  ["class_mix", "Mixed images"],
  ["absent", "Absent categories"],
  ["category_alignment", "Category alignment"],
  ["output_alignment", "Output alignment"],
  ["category_discriminators", "Category discriminators"],
  ["output_discriminator", "Output discriminator"],
]

/** A chart for each term of the loss, because their sizes differ by orders of magnitude. */
export function LossCharts({ progress }: { progress: RunProgress }) {
  const known = LOSSES.map(([name]) => name)
  const names = Object.keys(progress.losses).toSorted(
    (a, b) => placeOf(a, known) - placeOf(b, known),
  )
  if (names.length === 0) return null
  return (
    <Section title="Losses">
      <div className={styles.losses}>
        {names.map((name) => (
          <LossChart
            key={name}
            name={name}
            samples={progress.losses[name] ?? []}
            steps={progress.steps}
          />
        ))}
      </div>
    </Section>
  )
}

const placeOf = (name: string, known: readonly string[]): number =>
  known.includes(name) ? known.indexOf(name) : known.length

type LossChartProps = { name: string; samples: readonly Sample[]; steps: number }

function LossChart({ name, samples, steps }: LossChartProps) {
  const title = LOSSES.find(([known]) => known === name)?.[1] ?? name
  const last = samples.at(-1)
  const draw = useCallback(
    (plot: PlotLibrary, width: number) => drawLoss(plot, width, { samples, steps }),
    [samples, steps],
  )
  return (
    <figure className={styles.loss}>
      <figcaption className={styles.losshead}>
        <h3>{title}</h3>
        <span className={styles.value}>{last && formatLoss(last.value)}</span>
      </figcaption>
      <Chart label={`${title} over the steps of the run`} height={HEIGHT} draw={draw} />
    </figure>
  )
}

const formatLoss = (value: number): string => value.toPrecision(3)

type Curve = { samples: readonly Sample[]; steps: number }

function drawLoss(plot: PlotLibrary, width: number, { samples, steps }: Curve): Element {
  return plot.plot({
    width,
    height: HEIGHT,
    marginLeft: 40,
    marginRight: 8,
    marginTop: 8,
    marginBottom: 22,
    x: { domain: [0, Math.max(steps, 1)], ticks: 4, tickSize: 0, label: null },
    y: { ticks: 3, tickSize: 0, nice: true, label: null, zero: true },
    marks: [
      plot.gridY({ stroke: "var(--border)", strokeOpacity: 1, ticks: 3 }),
      plot.lineY([...samples], {
        x: "step",
        y: "value",
        stroke: "var(--accent)",
        strokeWidth: 1.75,
        tip: TIP,
        title: ({ step, value }: Sample) => `step ${step}\n${formatLoss(value)}`,
      }),
    ],
  })
}

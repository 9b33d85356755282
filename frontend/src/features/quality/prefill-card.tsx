import { useQuery } from "@tanstack/react-query"
import { useCallback } from "react"
import { colorOf, type Project } from "@/api/projects"
import { type CategoryEffect, type PrefillEffect, prefillEffectQuery } from "@/api/quality"
import { Badge, CategoryName } from "@/components/badge"
import { Chart, type PlotLibrary, TIP } from "@/components/chart"
import { Card, Facts } from "@/components/layout"
import { Loaded } from "@/components/states"
import { Table } from "@/components/table"
import { formatCount, formatDuration, formatPercent, NOTHING } from "@/lib/format"
import { differenceOf, isBeyondChance, type Proportion } from "./chance"
import styles from "./quality.module.css"

const ROW = 26
const MARGINS = 44

/** What pre-filling does to answers and to the time they take. */
export function PrefillCard({ project }: { project: Project }) {
  const query = useQuery(prefillEffectQuery(project.id))
  return (
    <Card title="Effect of pre-filling">
      <Loaded query={query} height="16rem">
        {(effect) => <EffectFigures effect={effect} project={project} />}
      </Loaded>
    </Card>
  )
}

type EffectFiguresProps = { effect: PrefillEffect; project: Project }

function EffectFigures({ effect, project }: EffectFiguresProps) {
  const { prefilled, blind, categories } = effect
  if (prefilled.labels + blind.labels === 0) {
    return <p className={styles.hint}>{whyNothing(project)}</p>
  }
  const both = categories.filter((one) => differenceOf(prefilledOf(one), blindOf(one)) !== null)
  return (
    <>
      <Facts
        facts={[
          ["Pre-filled", formatCount(prefilled.labels)],
          ["Usual time, pre-filled", duration(prefilled.median_active_ms)],
          ["Blind", formatCount(blind.labels)],
          ["Usual time, blind", duration(blind.median_active_ms)],
        ]}
      />
      {both.length > 0 && <SharesChart categories={both} />}
      <EffectTable categories={categories} project={project} />
      <p className={styles.hint}>
        First answers only. A difference is marked when chance would make it in fewer than one of
        370 categories.
      </p>
    </>
  )
}

const duration = (milliseconds: number | null): string =>
  milliseconds === null ? NOTHING : formatDuration(milliseconds)

const whyNothing = ({ prefill }: Project): string =>
  prefill === "none"
    ? "Nothing is ticked at the start in this project. With pre-filling, set in its settings, a share of the images still starts empty, and both are compared here."
    : "Pre-filled and blind images are compared here as soon as people have labelled some of each."

const prefilledOf = (effect: CategoryEffect): Proportion => ({
  share: effect.present_prefilled,
  of: effect.ticked + effect.unticked,
})

const blindOf = (effect: CategoryEffect): Proportion => ({
  share: effect.present_blind,
  of: effect.blind,
})

function EffectTable({ categories, project }: { categories: CategoryEffect[]; project: Project }) {
  return (
    <Table
      bare
      label="Answers by category, pre-filled and blind"
      rows={categories}
      keyOf={({ category }) => category}
      columns={[
        {
          key: "category",
          title: "Category",
          cell: ({ category }) => (
            <CategoryName name={category} color={colorOf(project, category)} />
          ),
        },
        {
          key: "prefilled",
          title: "Present, pre-filled",
          kind: "number",
          cell: (effect) => <Share {...prefilledOf(effect)} />,
        },
        {
          key: "blind",
          title: "Present, blind",
          kind: "number",
          cell: (effect) => <Share {...blindOf(effect)} />,
        },
        {
          key: "difference",
          title: "Difference",
          kind: "number",
          cell: (effect) => <Difference effect={effect} />,
        },
        {
          key: "removed",
          title: "Ticks taken out",
          kind: "number",
          isMinor: true,
          cell: (effect) => <Share share={effect.ticked_then_absent} of={effect.ticked} />,
        },
        {
          key: "added",
          title: "Ticks added",
          kind: "number",
          isMinor: true,
          cell: (effect) => <Share share={effect.unticked_then_present} of={effect.unticked} />,
        },
      ]}
    />
  )
}

function Share({ share, of }: Proportion) {
  if (share === null) return NOTHING
  return (
    <>
      {formatPercent(share)} <span className={styles.hint}>of {formatCount(of)}</span>
    </>
  )
}

function Difference({ effect }: { effect: CategoryEffect }) {
  const [one, other] = [prefilledOf(effect), blindOf(effect)]
  const difference = differenceOf(one, other)
  if (difference === null) return NOTHING
  const sign = difference === 0 ? "" : difference < 0 ? "−" : "+"
  const text = `${sign}${(Math.abs(difference) * 100).toFixed(1)} points`
  if (!isBeyondChance(one, other)) return text
  return <Badge tone="warn">{text}, beyond chance</Badge>
}

function SharesChart({ categories }: { categories: readonly CategoryEffect[] }) {
  const height = categories.length * ROW + MARGINS
  const draw = useCallback(
    (plot: PlotLibrary, width: number) => drawShares(plot, { width, height, categories }),
    [height, categories],
  )
  return (
    <div>
      <p className={styles.legend} aria-hidden="true">
        <span>●</span> pre-filled <span>○</span> blind
      </p>
      <Chart
        label="Share of answers that say present, by category, pre-filled and blind; the table below has the figures"
        height={height}
        draw={draw}
      />
    </div>
  )
}

type Drawing = { width: number; height: number; categories: readonly CategoryEffect[] }

/** Both shares of a category on one line: the longer it is, the more pre-filling changes. */
function drawShares(plot: PlotLibrary, { width, height, categories }: Drawing): Element {
  const shares = categories.flatMap((effect) => [
    { category: effect.category, share: effect.present_prefilled, start: "pre-filled" },
    { category: effect.category, share: effect.present_blind, start: "blind" },
  ])
  return plot.plot({
    width,
    height,
    marginLeft: Math.min(160, width / 3),
    marginRight: 24,
    marginTop: 12,
    marginBottom: 32,
    x: {
      domain: [0, 1],
      label: null,
      ticks: 5,
      tickSize: 0,
      tickFormat: (share: number) => `${Math.round(share * 100)} %`,
    },
    y: { domain: categories.map(({ category }) => category), label: null, tickSize: 0 },
    marks: [
      plot.gridX({ stroke: "var(--border)", strokeOpacity: 1, ticks: 5 }),
      plot.line(shares, {
        x: "share",
        y: "category",
        z: "category",
        stroke: "var(--accent)",
        strokeOpacity: 0.5,
        strokeWidth: 3,
      }),
      plot.dot(shares, {
        x: "share",
        y: "category",
        r: 5,
        stroke: "var(--accent)",
        strokeWidth: 2,
        fill: ({ start }: { start: string }) =>
          start === "blind" ? "var(--surface)" : "var(--accent)",
        tip: TIP,
        title: ({ category, share, start }: (typeof shares)[number]) =>
          `${category}, ${start}: ${formatPercent(share)}`,
      }),
    ],
  })
}

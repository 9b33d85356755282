import { useQuery } from "@tanstack/react-query"
import { useCallback } from "react"
import { colorOf, type Project } from "@/api/projects"
import { type Agreement, agreementQuery, type CategoryAgreement } from "@/api/quality"
import { Badge, CategoryName, type Tone } from "@/components/badge"
import { Chart, type PlotLibrary, TIP } from "@/components/chart"
import { Card } from "@/components/layout"
import { Loaded } from "@/components/states"
import { Table } from "@/components/table"
import { formatCount, formatPercent, formatPlural, NOTHING } from "@/lib/format"
import { formatKappa, type KappaWord, SCALE, wordOf } from "./kappa"
import styles from "./quality.module.css"

const ROW = 26
const MARGINS = 64

/** How far people agree on images that several of them labelled. */
export function AgreementCard({ project }: { project: Project }) {
  const query = useQuery(agreementQuery(project.id))
  return (
    <Card title="Agreement">
      <Loaded query={query} height="16rem">
        {(agreement) => <AgreementFigures agreement={agreement} project={project} />}
      </Loaded>
    </Card>
  )
}

type AgreementFiguresProps = { agreement: Agreement; project: Project }

function AgreementFigures({ agreement, project }: AgreementFiguresProps) {
  const { method, annotators, categories } = agreement
  const images = Math.max(...categories.map((category) => category.images))
  if (images === 0) return <p className={styles.hint}>{howToMeasure(project)}</p>
  const measured = categories.filter(({ kappa }) => kappa !== null)
  return (
    <>
      <p className={styles.hint}>
        {formatPlural(annotators, "person", "people")} on {formatPlural(images, "image")} that at
        least two of them labelled. {method === "cohen" ? "Cohen's" : "Fleiss'"} kappa is 1 where
        they always agree, and 0 where they agree no more than by chance. {givenTo(project)}
      </p>
      {measured.length > 0 && <KappaChart categories={measured} />}
      <Table
        bare
        label="Agreement by category"
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
          { key: "kappa", title: "Kappa", kind: "number", cell: ({ kappa }) => kappaText(kappa) },
          { key: "word", title: "In words", cell: (category) => <InWords {...category} /> },
          {
            key: "same",
            title: "Same answer",
            kind: "number",
            cell: (category) => formatPercent(category.agreement),
          },
          {
            key: "images",
            title: "Images",
            kind: "number",
            cell: (category) => formatCount(category.images),
          },
        ]}
      />
    </>
  )
}

const givenTo = (project: Project): string =>
  project.overlap > 1 ? `${overlapOf(project)} given to ${project.overlap} people.` : ""

const howToMeasure = (project: Project): string =>
  project.overlap > 1
    ? `${givenTo(project)} As soon as two of them labelled the same one, it shows here how far they agree.`
    : "Each image is given to one person. Hand some out again under Images, or have two people label each in the settings, and it shows here how far people agree."

/** Which images are for several people. */
function overlapOf({ overlap_share, overlap_first }: Project): string {
  if (overlap_first !== null) {
    return overlap_first === 1
      ? "The first image is"
      : `The first ${formatCount(overlap_first)} images are`
  }
  return overlap_share < 1 ? `${formatPercent(overlap_share)} of the images are` : "Each image is"
}

const kappaText = (kappa: number | null): string => (kappa === null ? NOTHING : formatKappa(kappa))

const TONES: Record<KappaWord, Tone> = {
  poor: "bad",
  fair: "warn",
  moderate: "plain",
  good: "good",
  "very good": "good",
}

function InWords({ kappa, images }: CategoryAgreement) {
  if (kappa === null) {
    return (
      <span className={styles.hint}>
        {images === 0 ? "not measured" : "always the same answer"}
      </span>
    )
  }
  const word = wordOf(kappa)
  return <Badge tone={TONES[word]}>{word}</Badge>
}

function KappaChart({ categories }: { categories: readonly CategoryAgreement[] }) {
  const height = categories.length * ROW + MARGINS
  const draw = useCallback(
    (plot: PlotLibrary, width: number) => drawKappas(plot, { width, height, categories }),
    [height, categories],
  )
  const said = categories.map(({ category, kappa }) => `${category} ${kappaText(kappa)}`)
  return <Chart label={`Kappa by category: ${said.join(", ")}`} height={height} draw={draw} />
}

type Drawing = { width: number; height: number; categories: readonly CategoryAgreement[] }

/** A dot per category over the words of the scale. */
function drawKappas(plot: PlotLibrary, { width, height, categories }: Drawing): Element {
  const least = Math.min(0, ...categories.map(({ kappa }) => kappa ?? 0))
  const words = SCALE.map(({ word, upTo }) => ({ word, middle: upTo - 0.1 }))
  return plot.plot({
    width,
    height,
    marginLeft: Math.min(160, width / 3),
    marginRight: 16,
    marginTop: 32,
    marginBottom: 32,
    x: { domain: [Math.floor(least * 5) / 5, 1], label: null, ticks: 6, tickSize: 0 },
    y: { domain: categories.map(({ category }) => category), label: null, tickSize: 0 },
    marks: [
      plot.ruleX([0, ...SCALE.map(({ upTo }) => upTo)], { stroke: "var(--border)" }),
      plot.ruleX([0], { stroke: "var(--border-strong)" }),
      plot.text(words, {
        x: "middle",
        text: "word",
        frameAnchor: "top",
        dy: -16,
        fill: "var(--text-muted)",
      }),
      plot.dot([...categories], {
        x: "kappa",
        y: "category",
        r: 5,
        fill: "var(--accent)",
        tip: TIP,
        title: ({ category, kappa, images }: CategoryAgreement) =>
          `${category}: ${kappaText(kappa)}\n${formatPlural(images, "image")}`,
      }),
    ],
  })
}

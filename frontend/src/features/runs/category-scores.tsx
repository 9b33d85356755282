import type { Category } from "@/api/projects"
import { CategoryName } from "@/components/badge"
import { Gain } from "@/components/gain"
import { Card } from "@/components/layout"
import { type Column, Table } from "@/components/table"
import { formatPercent } from "@/lib/format"
import styles from "./runs.module.css"

type Scores = Readonly<Record<string, number | null | undefined>>

type CategoryScoresProps = {
  categories: readonly Category[]
  iou: Scores
  /** IoU of the source-only run that this one is held against. */
  sourceOnly: Scores
}

/** IoU per category, and what it gained over source only. */
export function CategoryScores({ categories, iou, sourceOnly }: CategoryScoresProps) {
  return (
    <Card title="IoU by category">
      {Object.keys(iou).length === 0 ? (
        <p className={styles.meta}>Comes with the first evaluation.</p>
      ) : (
        <Table
          bare
          label="IoU by category"
          rows={categories}
          keyOf={(category) => category.id}
          columns={columnsOf(iou, sourceOnly)}
        />
      )}
    </Card>
  )
}

const columnsOf = (iou: Scores, sourceOnly: Scores): Column<Category>[] => [
  {
    key: "category",
    title: "Category",
    cell: ({ name, color }) => <CategoryName name={name} color={color} />,
  },
  {
    key: "bar",
    title: "Share of overlap",
    cell: ({ name, color }) => (
      <div className={styles.meter}>
        <span style={{ width: `${(iou[name] ?? 0) * 100}%`, background: color }} />
      </div>
    ),
  },
  { key: "iou", title: "IoU", kind: "number", cell: ({ name }) => formatPercent(iou[name]) },
  {
    key: "gain",
    title: "Gain",
    kind: "number",
    cell: ({ name }) => <Gain from={sourceOnly[name]} to={iou[name]} />,
  },
]

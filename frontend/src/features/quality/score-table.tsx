import { ChevronRight } from "lucide-react"
import { type ReactNode, useState } from "react"
import type { AnnotatorQuality, CategoryScore, Scores } from "@/api/gold"
import { colorOf, type Project } from "@/api/projects"
import { CategoryName } from "@/components/badge"
import { Button } from "@/components/button"
import { type Column, Table } from "@/components/table"
import { formatCount } from "@/lib/format"
import { ASKED } from "@/lib/modes"
import styles from "./known-answers.module.css"
import { MEASURES } from "./rate"
import { ClicksBar, RateBar } from "./rate-bar"

type PeopleTableProps = { people: readonly AnnotatorQuality[]; project: Project }

/** A row a person; their categories below, on demand. */
export function PeopleTable({ people, project }: PeopleTableProps) {
  const [chosen, setChosen] = useState<number | null>(null)
  const shown = people.find(({ annotator_id }) => annotator_id === chosen)
  const toggle = (id: number) => setChosen(id === chosen ? null : id)
  return (
    <>
      <Table
        bare
        label="Answers against known ones by person"
        rows={people}
        keyOf={({ annotator_id }) => annotator_id}
        columns={[
          {
            key: "person",
            title: "Person",
            cell: ({ annotator_id, annotator }) => (
              <Button
                variant="quiet"
                className={styles.person ?? ""}
                aria-expanded={annotator_id === chosen}
                title={`${annotator} by category`}
                onClick={() => toggle(annotator_id)}
              >
                <ChevronRight aria-hidden="true" />
                {annotator}
              </Button>
            ),
          },
          { key: "images", title: "Images", kind: "number", cell: (one) => <Images {...one} /> },
          ...rateColumns<AnnotatorQuality>(project, ({ total }) => total),
        ]}
      />
      {shown && (
        <>
          <h3>{shown.annotator} by category</h3>
          <CategoryTable categories={shown.categories} project={project} />
        </>
      )}
    </>
  )
}

function Images({ images, skipped }: AnnotatorQuality) {
  if (skipped === 0) return formatCount(images)
  return (
    <>
      {formatCount(images)} <span className={styles.of}>+ {formatCount(skipped)} skipped</span>
    </>
  )
}

type CategoryTableProps = { categories: readonly CategoryScore[]; project: Project }

/** One person's answers, a row a category. */
export function CategoryTable({ categories, project }: CategoryTableProps) {
  return (
    <Table
      bare
      label="Answers against known ones by category"
      rows={categories}
      keyOf={({ category }) => category}
      columns={[
        {
          key: "category",
          title: "Category",
          cell: ({ category }): ReactNode => (
            <CategoryName name={category} color={colorOf(project, category)} />
          ),
        },
        ...rateColumns<CategoryScore>(project, ({ scores }) => scores),
      ]}
    />
  )
}

function rateColumns<Row>(project: Project, scoresOf: (row: Row) => Scores): Column<Row>[] {
  const answers = MEASURES.map(({ key, title }) => ({
    key,
    title,
    cell: (row: Row) => <RateBar rate={scoresOf(row)[key]} />,
  }))
  if (!ASKED[project.mode].asksPoints) return answers
  const cell = (row: Row) => <ClicksBar scores={scoresOf(row)} />
  return [...answers, { key: "clicks", title: "Clicks on it", cell }]
}

import { useQuery } from "@tanstack/react-query"
import { knownAnswersQuery } from "@/api/gold"
import type { Project } from "@/api/projects"
import { Card } from "@/components/layout"
import { formatMoment } from "@/lib/dates"
import { formatPlural } from "@/lib/format"
import styles from "./known-answers.module.css"
import { CategoryTable } from "./score-table"

/** An annotator's own answers to images with known ones; nothing while there are none. */
export function OwnAnswersCard({ project }: { project: Project }) {
  const { data } = useQuery(knownAnswersQuery(project.id))
  const [own] = data?.annotators ?? []
  if (!data || !own) return null
  return (
    <Card title="Your answers against known ones">
      <p className={styles.hint}>
        A few of the images that you are given have known answers. You answered{" "}
        {formatPlural(own.images, "such image")} until {formatMoment(data.until)}; what you do today
        shows here tomorrow.
      </p>
      <CategoryTable categories={own.categories} project={project} />
    </Card>
  )
}

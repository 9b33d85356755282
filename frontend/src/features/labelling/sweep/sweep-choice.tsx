import { useQuery } from "@tanstack/react-query"
import { Link } from "@tanstack/react-router"
import { ArrowLeft } from "lucide-react"
import { colorOf, type Project } from "@/api/projects"
import { type SweepCount, sweepsQuery } from "@/api/sweeps"
import { CategoryName } from "@/components/badge"
import { LinkButton } from "@/components/button"
import { Card } from "@/components/layout"
import { Notice } from "@/components/notice"
import { Loaded } from "@/components/states"
import { formatCount } from "@/lib/format"
import { ASKED } from "@/lib/modes"
import styles from "./choice.module.css"

/** Which category is to be swept. */
export function SweepChoice({ project }: { project: Project }) {
  const counts = useQuery(sweepsQuery(project.id))
  return (
    <main className={styles.choice}>
      <LinkButton to="/projects/$projectId" params={{ projectId: project.id }} variant="quiet">
        <ArrowLeft aria-hidden="true" />
        {project.name}
      </LinkButton>
      <h1>Sweep a category</h1>
      <Card>
        <p className={styles.about}>
          One question for 24 images at a time: is it there? Made for categories that are rare. Your
          answers for other categories stay as they are.
        </p>
        {ASKED[project.mode].canBeSwept ? (
          <Loaded query={counts} height="20rem">
            {(data) => <Categories project={project} counts={data} />}
          </Loaded>
        ) : (
          <Notice tone="info">
            This project asks in which parts of images things are, which a sweep can not tell.
          </Notice>
        )}
      </Card>
    </main>
  )
}

function Categories({ project, counts }: { project: Project; counts: readonly SweepCount[] }) {
  const nothingLeft = project.images.total === 0 ? "no images yet" : "all answered"
  return (
    <ul className={styles.categories}>
      {counts.map(({ category, left }) => (
        <li key={category}>
          <Link
            to="/projects/$projectId/sweep"
            params={{ projectId: project.id }}
            search={{ category }}
            className={styles.category}
          >
            <CategoryName name={category} color={colorOf(project, category)} />
            <span>{left === 0 ? nothingLeft : `${formatCount(left)} left`}</span>
          </Link>
        </li>
      ))}
    </ul>
  )
}

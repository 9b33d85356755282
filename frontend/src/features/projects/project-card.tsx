import { useQuery } from "@tanstack/react-query"
import { Link } from "@tanstack/react-router"
import { ImageOff } from "lucide-react"
import { coverQuery, thumbnail } from "@/api/images"
import type { Project } from "@/api/projects"
import { formatPlural } from "@/lib/format"
import { Progress } from "./progress"
import styles from "./project-card.module.css"

const COVER_WIDTH = 640

export function ProjectGrid({ projects }: { projects: readonly Project[] }) {
  return (
    <ul className={styles.grid}>
      {projects.map((project) => (
        <li key={project.id}>
          <ProjectCard project={project} />
        </li>
      ))}
    </ul>
  )
}

function ProjectCard({ project }: { project: Project }) {
  return (
    <Link to="/projects/$projectId" params={{ projectId: project.id }} className={styles.card}>
      <Cover project={project} />
      <div className={styles.body}>
        <h2>{project.name}</h2>
        <p className={styles.description}>
          {project.description || formatPlural(project.categories.length, "category", "categories")}
        </p>
        <div className={styles.foot}>
          <Progress project={project} isNamed />
        </div>
      </div>
    </Link>
  )
}

function Cover({ project }: { project: Project }) {
  const { data: cover } = useQuery(coverQuery(project.id))
  return (
    <div className={styles.picture}>
      {cover ? (
        <img src={thumbnail(cover, COVER_WIDTH)} alt="" loading="lazy" />
      ) : (
        cover === null && <ImageOff aria-hidden="true" strokeWidth={1.5} />
      )}
    </div>
  )
}

import { Link } from "@tanstack/react-router"
import type { ImageFilter } from "@/api/images"
import type { Project } from "@/api/projects"
import { formatCount } from "@/lib/format"
import styles from "./gallery.module.css"

type FilterChoice = { filter: ImageFilter; label: string; count: number | null }

/** The filters that make sense now; rare states only show up when there are such images. */
export function filterChoices({ images }: Project): FilterChoice[] {
  const choices: FilterChoice[] = [
    { filter: "all", label: "All", count: images.total },
    { filter: "unlabelled", label: "To label", count: null },
    { filter: "labelled", label: "Labelled", count: images.labelled },
    { filter: "registered", label: "Not checked yet", count: images.registered },
    { filter: "rejected", label: "Rejected", count: images.rejected },
  ]
  return choices.filter(({ filter, count }) =>
    filter === "registered" || filter === "rejected" ? count !== 0 : true,
  )
}

export function Filters({ project }: { project: Project }) {
  return (
    <nav className={styles.filters} aria-label="Filter images">
      {filterChoices(project).map(({ filter, label, count }) => (
        <Link
          key={filter}
          to="/projects/$projectId/images"
          params={{ projectId: project.id }}
          search={filter === "all" ? {} : { state: filter }}
          activeOptions={{ exact: true, includeSearch: true }}
          className={styles.filter}
        >
          {label}
          {count !== null && <span className={styles.count}>{formatCount(count)}</span>}
        </Link>
      ))}
    </nav>
  )
}

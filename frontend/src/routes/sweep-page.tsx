import { getRouteApi } from "@tanstack/react-router"
import { SweepChoice } from "@/features/labelling/sweep/sweep-choice"
import { SweepDesk } from "@/features/labelling/sweep/sweep-desk"
import { ASKED } from "@/lib/modes"
import { useDocumentTitle } from "@/lib/use-document-title"

const route = getRouteApi("/projects/$projectId/sweep")

export function SweepPage() {
  const { project, me } = route.useLoaderData()
  const { category } = route.useSearch()
  useDocumentTitle(`Sweep · ${project.name}`)
  const isKnown = project.categories.some(({ name }) => name === category)
  if (category === undefined || !isKnown || !ASKED[project.mode].canBeSwept) {
    return <SweepChoice project={project} />
  }
  return <SweepDesk key={`${project.id}/${category}`} {...{ project, category, me }} />
}

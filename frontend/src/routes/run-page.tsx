import { useSuspenseQuery } from "@tanstack/react-query"
import { getRouteApi } from "@tanstack/react-router"
import { projectQuery } from "@/api/projects"
import { Page } from "@/components/layout"
import { RunView } from "@/features/runs/run-view"

const route = getRouteApi("/signed-in/shell/projects/$projectId/runs/$runId")

export function RunPage() {
  const { projectId, runId } = route.useParams()
  const { data: project } = useSuspenseQuery(projectQuery(projectId))
  return (
    <Page>
      <RunView key={runId} project={project} runId={runId} />
    </Page>
  )
}

import { useQuery, useSuspenseQuery } from "@tanstack/react-query"
import { getRouteApi, useNavigate } from "@tanstack/react-router"
import { Activity, Play } from "lucide-react"
import { useState } from "react"
import { leads } from "@/api/members"
import { recipesQuery } from "@/api/project-settings"
import { projectQuery } from "@/api/projects"
import { runsQuery } from "@/api/runs"
import { Button } from "@/components/button"
import { Page, PageHeading } from "@/components/layout"
import { EmptyState } from "@/components/states"
import { RunTable } from "@/features/runs/run-table"
import { StartRunDialog } from "@/features/runs/start-run-dialog"

const route = getRouteApi("/signed-in/shell/projects/$projectId/runs")

export function RunsPage() {
  const { projectId } = route.useParams()
  const { data: project } = useSuspenseQuery(projectQuery(projectId))
  const { data: runs } = useSuspenseQuery(runsQuery(projectId))
  const [isStarting, setStarting] = useState(false)
  const navigate = useNavigate()
  const mayStart = leads(project)
  useQuery({ ...recipesQuery, enabled: mayStart })
  const start = mayStart && (
    <Button variant="primary" onClick={() => setStarting(true)}>
      <Play aria-hidden="true" />
      Start run
    </Button>
  )
  return (
    <Page>
      <PageHeading title="Runs" actions={runs.length > 0 && start} />
      {runs.length === 0 ? (
        <EmptyState icon={Activity} title="No run yet" actions={start}>
          A run adapts a model from the source domain to this project's images, then predicts them
          all. Begin with a source-only run to know what labelling has to beat.
        </EmptyState>
      ) : (
        <RunTable projectId={projectId} runs={runs} />
      )}
      {isStarting && (
        <StartRunDialog
          project={project}
          onClose={() => setStarting(false)}
          onStarted={(run) =>
            navigate({
              to: "/projects/$projectId/runs/$runId",
              params: { projectId, runId: run.id },
            })
          }
        />
      )}
    </Page>
  )
}

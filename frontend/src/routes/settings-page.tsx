import { useQueryClient, useSuspenseQuery } from "@tanstack/react-query"
import { getRouteApi, useNavigate } from "@tanstack/react-router"
import { projectQuery, projectsQuery } from "@/api/projects"
import { Page, PageHeading } from "@/components/layout"
import { ProjectEnd } from "@/features/projects/project-end"
import { RulesEditor } from "@/features/projects/rules-editor"
import { SettingsForm } from "@/features/projects/settings-form"

const route = getRouteApi("/signed-in/shell/projects/$projectId/settings")

export function SettingsPage() {
  const { projectId } = route.useParams()
  const { data: project } = useSuspenseQuery(projectQuery(projectId))
  const queryClient = useQueryClient()
  const navigate = useNavigate()
  const leave = async () => {
    await navigate({ to: "/projects", ignoreBlocker: true })
    await queryClient.invalidateQueries({ queryKey: projectsQuery.queryKey, exact: true })
  }
  return (
    <Page>
      <PageHeading title="Settings" />
      <SettingsForm key={project.id} project={project} />
      <RulesEditor project={project} />
      <ProjectEnd project={project} onDeleted={leave} />
    </Page>
  )
}

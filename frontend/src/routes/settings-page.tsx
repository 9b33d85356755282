import { useSuspenseQuery } from "@tanstack/react-query"
import { getRouteApi } from "@tanstack/react-router"
import { projectQuery } from "@/api/projects"
import { Page, PageHeading } from "@/components/layout"
import { Members } from "@/features/projects/members"
import { SettingsForm } from "@/features/projects/settings-form"

const route = getRouteApi("/signed-in/shell/projects/$projectId/settings")

export function SettingsPage() {
  const { projectId } = route.useParams()
  const { data: project } = useSuspenseQuery(projectQuery(projectId))
  return (
    <Page>
      <PageHeading title="Settings" />
      <SettingsForm key={project.id} project={project} />
      <Members project={project} />
    </Page>
  )
}

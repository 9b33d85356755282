import { useSuspenseQuery } from "@tanstack/react-query"
import { getRouteApi } from "@tanstack/react-router"
import { leads } from "@/api/members"
import { projectQuery } from "@/api/projects"
import { LinkButton } from "@/components/button"
import { Page, PageHeading } from "@/components/layout"
import { RulesReader } from "@/features/projects/rules-reader"

const route = getRouteApi("/signed-in/shell/projects/$projectId/rules")

export function RulesPage() {
  const { projectId } = route.useParams()
  const { data: project } = useSuspenseQuery(projectQuery(projectId))
  return (
    <Page>
      <PageHeading
        title="Rules"
        subtitle="What counts as what in this project."
        actions={
          <>
            <LinkButton to="/guide">Annotators' guide</LinkButton>
            {leads(project) && (
              <LinkButton to="/projects/$projectId/settings" params={{ projectId }}>
                Change them
              </LinkButton>
            )}
          </>
        }
      />
      <RulesReader project={project} />
    </Page>
  )
}

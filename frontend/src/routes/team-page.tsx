import { useSuspenseQuery } from "@tanstack/react-query"
import { getRouteApi } from "@tanstack/react-router"
import { Download } from "lucide-react"
import { leads, teamCsvUrl } from "@/api/members"
import { projectQuery } from "@/api/projects"
import { AnchorButton } from "@/components/button"
import { Page, PageHeading } from "@/components/layout"
import { Team } from "@/features/projects/team"

const route = getRouteApi("/signed-in/shell/projects/$projectId/team")

export function TeamPage() {
  const { projectId } = route.useParams()
  const { data: project } = useSuspenseQuery(projectQuery(projectId))
  return (
    <Page>
      <PageHeading
        title="Team"
        subtitle={
          leads(project) ? "Who takes part, what they did, and how well." : "What you did here."
        }
        actions={
          <AnchorButton href={teamCsvUrl(projectId)} variant="quiet" download>
            <Download aria-hidden="true" />
            CSV
          </AnchorButton>
        }
      />
      <Team project={project} />
    </Page>
  )
}

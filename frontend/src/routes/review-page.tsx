import { useSuspenseQuery } from "@tanstack/react-query"
import { getRouteApi } from "@tanstack/react-router"
import { projectQuery } from "@/api/projects"
import { LinkButton } from "@/components/button"
import { Page, PageHeading } from "@/components/layout"
import { ReviewQueue } from "@/features/quality/review-queue"

const route = getRouteApi("/signed-in/shell/projects/$projectId/quality/review")

export function ReviewPage() {
  const { projectId } = route.useParams()
  const { data: project } = useSuspenseQuery(projectQuery(projectId))
  return (
    <Page>
      <PageHeading
        title="Review"
        subtitle="Images on which people contradict each other. Your decision counts in place of theirs."
        actions={
          <LinkButton to="/projects/$projectId/quality" params={{ projectId }}>
            Back to quality
          </LinkButton>
        }
      />
      <ReviewQueue project={project} />
    </Page>
  )
}

import { useSuspenseQuery } from "@tanstack/react-query"
import { getRouteApi } from "@tanstack/react-router"
import { projectQuery } from "@/api/projects"
import { Page, PageHeading } from "@/components/layout"
import { AgreementCard } from "@/features/quality/agreement-card"
import { DisputedCard } from "@/features/quality/disputed-card"
import { FlagsCard } from "@/features/quality/flags-card"
import { KnownAnswersCard } from "@/features/quality/known-answers-card"
import { PeopleCard } from "@/features/quality/people-card"
import { PrefillCard } from "@/features/quality/prefill-card"
import { SkipsCard } from "@/features/quality/skips-card"

// One script for both pages that tell of people: each has a price for every other page.
export { TeamPage } from "./team-page"

const route = getRouteApi("/signed-in/shell/projects/$projectId/quality")

export function QualityPage() {
  const { projectId } = route.useParams()
  const { data: project } = useSuspenseQuery(projectQuery(projectId))
  return (
    <Page>
      <PageHeading
        title="Quality"
        subtitle="How far the labels can be trusted, and where they cannot."
      />
      <DisputedCard project={project} />
      <FlagsCard project={project} />
      <AgreementCard project={project} />
      <KnownAnswersCard project={project} />
      <PrefillCard project={project} />
      <PeopleCard projectId={projectId} />
      <SkipsCard projectId={projectId} />
    </Page>
  )
}

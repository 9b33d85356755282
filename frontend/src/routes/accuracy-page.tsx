import { useSuspenseQuery } from "@tanstack/react-query"
import { getRouteApi } from "@tanstack/react-router"
import { ChartScatter, Download } from "lucide-react"
import { leads } from "@/api/members"
import { projectQuery } from "@/api/projects"
import { costCurveCsvUrl, costCurveQuery } from "@/api/runs"
import { AnchorButton, LinkButton } from "@/components/button"
import { Page, PageHeading } from "@/components/layout"
import { EmptyState } from "@/components/states"
import { AccuracyView } from "@/features/accuracy/accuracy-view"

// One script for both: where figures are looked at, what they are made of is too.
export { TimesPage } from "./times-page"

const route = getRouteApi("/signed-in/shell/projects/$projectId/accuracy")

export function AccuracyPage() {
  const params = route.useParams()
  const { projectId } = params
  const { data: curve } = useSuspenseQuery(costCurveQuery(projectId))
  const { data: project } = useSuspenseQuery(projectQuery(projectId))
  if (curve.points.length === 0) {
    return (
      <Page>
        <PageHeading title="Accuracy" />
        <EmptyState
          icon={ChartScatter}
          title="No point on the curve yet"
          actions={
            <>
              <LinkButton to="/projects/$projectId/label" params={params} variant="primary">
                Label images
              </LinkButton>
              <LinkButton to="/projects/$projectId/runs" params={params}>
                Go to runs
              </LinkButton>
            </>
          }
        >
          Every finished run is one point: the hours people spent on its labels against its
          accuracy. Label some images, start a run, and the first point appears when it ends.
        </EmptyState>
      </Page>
    )
  }
  return (
    <Page>
      <PageHeading
        title="Accuracy"
        subtitle="What the time that people spent labelling bought."
        actions={
          <AnchorButton href={costCurveCsvUrl(projectId)} download>
            <Download aria-hidden="true" />
            CSV
          </AnchorButton>
        }
      />
      <AccuracyView curve={curve} mayTrace={leads(project)} />
    </Page>
  )
}

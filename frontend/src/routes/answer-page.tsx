import { useSuspenseQuery } from "@tanstack/react-query"
import { getRouteApi, useNavigate } from "@tanstack/react-router"
import { ImageOff } from "lucide-react"
import { parseImageFilter } from "@/api/image-filter"
import { imageQuery } from "@/api/images"
import { leads } from "@/api/members"
import { projectQuery } from "@/api/projects"
import { useMe } from "@/api/session"
import { LinkButton } from "@/components/button"
import { Page, PageHeading } from "@/components/layout"
import { EmptyState } from "@/components/states"
import { ReviewDesk } from "@/features/quality/review-desk"
import { currentLabels, decisionIn } from "@/lib/labels"

const route = getRouteApi("/signed-in/shell/projects/$projectId/images/$imageId/answer")

/** A reviewer decides what counts; everybody else corrects what they said themselves. */
export function AnswerPage() {
  const params = route.useParams()
  const filter = parseImageFilter(route.useSearch())
  const { data: project } = useSuspenseQuery(projectQuery(params.projectId))
  const { data: image } = useSuspenseQuery(imageQuery(params.imageId))
  const me = useMe()
  const navigate = useNavigate()
  const isReviewer = leads(project)
  const labels = currentLabels(image.history)
  const decision = isReviewer ? decisionIn(labels) : undefined
  const back = { to: "/projects/$projectId/images/$imageId", params, search: filter } as const
  const mayAnswer = isReviewer || labels.some(({ annotator_id }) => annotator_id === me.id)
  return (
    <Page>
      <PageHeading
        title={image.external_id}
        subtitle={
          isReviewer ? "Your answer counts in place of all others." : "Correct what you said."
        }
        actions={<LinkButton {...back}>Back to the image</LinkButton>}
      />
      {mayAnswer && image.state === "ready" ? (
        <ReviewDesk
          key={image.id}
          project={project}
          image={image}
          labels={labels.filter((label) => label !== decision)}
          start={decision}
          isDecision={isReviewer}
          onDone={() => navigate({ ...back, replace: true })}
        />
      ) : (
        <EmptyState icon={ImageOff} title="Nothing to correct here">
          You have not labelled this image.
        </EmptyState>
      )}
    </Page>
  )
}

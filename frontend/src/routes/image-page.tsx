import { useSuspenseQuery } from "@tanstack/react-query"
import { getRouteApi } from "@tanstack/react-router"
import { ArrowLeft } from "lucide-react"
import { imageQuery } from "@/api/images"
import { projectQuery } from "@/api/projects"
import { LinkButton } from "@/components/button"
import { Page, PageHeading } from "@/components/layout"
import { ImageView } from "@/features/images/image-view"

const route = getRouteApi("/signed-in/shell/projects/$projectId/images/$imageId")

export function ImagePage() {
  const { projectId, imageId } = route.useParams()
  const { data: project } = useSuspenseQuery(projectQuery(projectId))
  const { data: image } = useSuspenseQuery(imageQuery(imageId))
  return (
    <Page>
      <PageHeading
        title={image.external_id}
        actions={
          <LinkButton to="/projects/$projectId/images" params={{ projectId }}>
            <ArrowLeft aria-hidden="true" />
            All images
          </LinkButton>
        }
      />
      <ImageView key={imageId} imageId={imageId} project={project} />
    </Page>
  )
}

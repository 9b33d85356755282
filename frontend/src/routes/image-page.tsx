import { useSuspenseQuery } from "@tanstack/react-query"
import { getRouteApi } from "@tanstack/react-router"
import { imageQuery } from "@/api/images"
import { projectQuery } from "@/api/projects"
import { useMe } from "@/api/session"
import { Page, PageHeading } from "@/components/layout"
import { ImageView } from "@/features/images/image-view"
import { NeighbourLinks } from "@/features/images/neighbour-links"

const route = getRouteApi("/signed-in/shell/projects/$projectId/images/$imageId")

export function ImagePage() {
  const { projectId, imageId } = route.useParams()
  const filter = route.useSearch()
  const { data: project } = useSuspenseQuery(projectQuery(projectId))
  const { data: image } = useSuspenseQuery(imageQuery(imageId))
  return (
    <Page>
      <PageHeading
        title={image.external_id}
        actions={<NeighbourLinks projectId={projectId} imageId={imageId} filter={filter} />}
      />
      <ImageView key={imageId} imageId={imageId} project={project} filter={filter} me={useMe()} />
    </Page>
  )
}

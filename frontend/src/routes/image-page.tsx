import { useQueryClient, useSuspenseQuery } from "@tanstack/react-query"
import { getRouteApi, useNavigate } from "@tanstack/react-router"
import { parseImageFilter } from "@/api/image-filter"
import { imageQuery } from "@/api/images"
import { leads } from "@/api/members"
import { projectQuery } from "@/api/projects"
import { useMe } from "@/api/session"
import { DeleteButton } from "@/components/delete-button"
import { Page, PageHeading } from "@/components/layout"
import { ImageView } from "@/features/images/image-view"
import { NeighbourLinks } from "@/features/images/neighbour-links"
import { ImageFlags } from "@/features/quality/image-flags"

const route = getRouteApi("/signed-in/shell/projects/$projectId/images/$imageId")

export function ImagePage() {
  const { projectId, imageId } = route.useParams()
  const filter = parseImageFilter(route.useSearch())
  const { data: project } = useSuspenseQuery(projectQuery(projectId))
  const { data: image } = useSuspenseQuery(imageQuery(imageId))
  const me = useMe()
  const queryClient = useQueryClient()
  const navigate = useNavigate()
  const leave = async () => {
    await navigate({ to: "/projects/$projectId/images", params: { projectId }, search: filter })
    await queryClient.invalidateQueries({ queryKey: ["projects"] })
  }
  return (
    <Page>
      <PageHeading
        title={image.external_id}
        actions={
          <>
            <NeighbourLinks projectId={projectId} imageId={imageId} filter={filter} />
            {leads(project) && (
              <DeleteButton
                thing={{ kind: "image", id: imageId }}
                name={`image ${image.external_id}`}
                onDeleted={leave}
              />
            )}
          </>
        }
      />
      <ImageFlags project={project} imageId={imageId} />
      <ImageView key={imageId} imageId={imageId} project={project} filter={filter} me={me} />
    </Page>
  )
}

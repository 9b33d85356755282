import { useSuspenseQuery } from "@tanstack/react-query"
import { getRouteApi } from "@tanstack/react-router"
import { Images, Plus } from "lucide-react"
import { parseImageFilter, parseListPlace } from "@/api/image-filter"
import { leads } from "@/api/members"
import { projectQuery } from "@/api/projects"
import { useMe } from "@/api/session"
import { LinkButton } from "@/components/button"
import { Page, PageHeading } from "@/components/layout"
import { EmptyState } from "@/components/states"
import { Filters } from "@/features/images/filters"
import { Gallery } from "@/features/images/gallery"

const route = getRouteApi("/signed-in/shell/projects/$projectId/images")

export function ImagesPage() {
  const { projectId } = route.useParams()
  const search = route.useSearch()
  const filter = parseImageFilter(search)
  const place = parseListPlace(search)
  const { data: project } = useSuspenseQuery(projectQuery(projectId))
  const me = useMe()
  const add = leads(project) && (
    <LinkButton to="/projects/$projectId/images/import" params={{ projectId }} variant="primary">
      <Plus aria-hidden="true" />
      Import images
    </LinkButton>
  )
  if (project.images.total === 0) {
    return (
      <Page>
        <PageHeading title="Images" />
        <EmptyState icon={Images} title="No images yet" actions={add}>
          Import the photographs of your target domain: drop a folder of them, or send a manifest.
        </EmptyState>
      </Page>
    )
  }
  return (
    <Page>
      <PageHeading title="Images" actions={add} />
      <Filters project={project} filter={filter} me={me} />
      <Gallery
        key={JSON.stringify([filter, place])}
        projectId={projectId}
        filter={filter}
        place={place}
        maySelect={leads(project)}
      />
    </Page>
  )
}

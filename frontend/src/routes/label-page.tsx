import { useSuspenseQuery } from "@tanstack/react-query"
import { getRouteApi } from "@tanstack/react-router"
import { projectQuery } from "@/api/projects"
import { useMe } from "@/api/session"
import { Labelling } from "@/features/labelling/screen/labelling"

const route = getRouteApi("/signed-in/projects/$projectId/label")

export function LabelPage() {
  const { projectId } = route.useParams()
  const { data: project } = useSuspenseQuery(projectQuery(projectId))
  return <Labelling key={projectId} project={project} me={useMe()} />
}

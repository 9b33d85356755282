import { getRouteApi } from "@tanstack/react-router"
import { Labelling } from "@/features/labelling/screen/labelling"

const route = getRouteApi("/projects/$projectId/label")

export function LabelPage() {
  const { project, me } = route.useLoaderData()
  return <Labelling key={project.id} project={project} me={me} />
}

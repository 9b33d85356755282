import { getRouteApi } from "@tanstack/react-router"

const route = getRouteApi("/signed-in/projects/$projectId/label")

export function LabelPage() {
  const { projectId } = route.useParams()
  return <main>Labelling of project {projectId}</main>
}

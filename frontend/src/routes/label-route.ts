import { createRoute, lazyRouteComponent } from "@tanstack/react-router"
import { projectQuery } from "@/api/projects"
import { signedInOnly } from "./access"
import { numericProject } from "./params"
import { root } from "./root"

const LabelPage = lazyRouteComponent(() => import("./label-page"), "LabelPage")

/** Outside of the gate: whoever is signed out while labelling signs in again on the page itself. */
export const label = createRoute({
  getParentRoute: () => root,
  path: "/projects/$projectId/label",
  params: numericProject,
  beforeLoad: (entering) => {
    const someone = signedInOnly(entering)
    // On their way while the server says who is signed in.
    void entering.context.queryClient.prefetchQuery(projectQuery(entering.params.projectId))
    void LabelPage.preload?.()
    return someone
  },
  loader: async ({ context: { queryClient, me }, params }) => ({
    me,
    project: await queryClient.fetchQuery(projectQuery(params.projectId)),
  }),
  component: LabelPage,
})

import { createRoute, lazyRouteComponent } from "@tanstack/react-router"
import { projectQuery } from "@/api/projects"
import { signedInOnly } from "./access"
import { numericProject } from "./params"
import { root } from "./root"

/** Outside of the gate, as labelling is. Without a category, one is chosen. */
export const sweep = createRoute({
  getParentRoute: () => root,
  path: "/projects/$projectId/sweep",
  params: numericProject,
  validateSearch: ({ category }: Record<string, unknown>): { category?: string } =>
    typeof category === "string" ? { category } : {},
  beforeLoad: signedInOnly,
  loader: async ({ context: { queryClient, me }, params }) => ({
    me,
    project: await queryClient.fetchQuery(projectQuery(params.projectId)),
  }),
  component: lazyRouteComponent(() => import("./sweep-page"), "SweepPage"),
})

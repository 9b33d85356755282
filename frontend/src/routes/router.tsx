import type { QueryClient } from "@tanstack/react-query"
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  Outlet,
} from "@tanstack/react-router"
import { queryClient } from "@/api/query-client"

const root = createRootRouteWithContext<{ queryClient: QueryClient }>()({ component: Outlet })

const signedIn = createRoute({ getParentRoute: () => root, id: "signed-in", component: Outlet })

const label = createRoute({
  getParentRoute: () => signedIn,
  path: "/projects/$projectId/label",
  params: {
    parse: ({ projectId }) => ({ projectId: Number(projectId) }),
    stringify: ({ projectId }) => ({ projectId: String(projectId) }),
  },
  component: lazyRouteComponent(() => import("./label-page"), "LabelPage"),
})

export const router = createRouter({
  routeTree: root.addChildren([signedIn.addChildren([label])]),
  context: { queryClient },
  defaultPreload: "intent",
  scrollRestoration: true,
})

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router
  }
}

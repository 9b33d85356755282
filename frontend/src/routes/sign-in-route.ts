import { createRoute, lazyRouteComponent, redirect } from "@tanstack/react-router"
import { aboutQuery, meQuery } from "@/api/session"
import { isOwnPath } from "@/lib/own-path"
import { root } from "./root"

/** Also where links to set a password lead, and who has to change theirs before anything else. */
export const signIn = createRoute({
  getParentRoute: () => root,
  path: "/sign-in",
  validateSearch: (search: Record<string, unknown>): { next?: string; problem?: string } => ({
    ...(typeof search.next === "string" && isOwnPath(search.next) && { next: search.next }),
    ...(typeof search.problem === "string" && { problem: search.problem }),
  }),
  beforeLoad: async ({ context, search, location }) => {
    const me = await context.queryClient.ensureQueryData(meQuery).catch(() => null)
    if (me?.is_ready && !location.hash) throw redirect({ href: search.next ?? "/projects" })
  },
  loader: ({ context }) => context.queryClient.prefetchQuery(aboutQuery),
  component: lazyRouteComponent(() => import("./sign-in-page"), "SignInPage"),
})

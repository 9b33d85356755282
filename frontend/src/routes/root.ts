import { createRootRouteWithContext, Outlet } from "@tanstack/react-router"
import type { Context } from "./access"
import { NothingHere } from "./page-error"

export const root = createRootRouteWithContext<Context>()({
  component: Outlet,
  notFoundComponent: NothingHere,
})

import { createRootRouteWithContext, Outlet } from "@tanstack/react-router"
import type { Context } from "./access"
import { NothingHere } from "./lazy-states"

export const root = createRootRouteWithContext<Context>()({
  component: Outlet,
  notFoundComponent: NothingHere,
})

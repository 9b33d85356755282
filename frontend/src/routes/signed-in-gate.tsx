import { useQuery } from "@tanstack/react-query"
import { Navigate, Outlet, useLocation } from "@tanstack/react-router"
import { meQuery } from "@/api/session"

/** Shows what is inside for as long as somebody is signed in. */
export function SignedInGate() {
  const { data: me } = useQuery(meQuery)
  const location = useLocation()
  if (me === null) return <Navigate to="/sign-in" search={{ next: location.href }} />
  return <Outlet />
}

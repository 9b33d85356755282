import { useQuery } from "@tanstack/react-query"
import { Outlet, useRouter } from "@tanstack/react-router"
import { useEffect } from "react"
import { meQuery } from "@/api/session"

/** Shows what is inside for as long as somebody is signed in. */
export function SignedInGate() {
  const { data: me } = useQuery(meQuery)
  const router = useRouter()
  const isOver = me === null
  useEffect(() => {
    // The route asks again who is signed in, and redirects.
    if (isOver) router.invalidate()
  }, [isOver, router])
  return isOver ? null : <Outlet />
}

import type { QueryClient } from "@tanstack/react-query"
import { redirect } from "@tanstack/react-router"
import { mayAct, meQuery, type Role } from "@/api/session"

export type Context = { queryClient: QueryClient }

type Entering = { context: Context; location: { href: string } }

/** Who is signed in and has nothing to do first; everybody else is sent there. */
export async function signedInOnly({ context, location }: Entering) {
  const me = await context.queryClient.ensureQueryData(meQuery)
  if (!me?.is_ready) throw redirect({ to: "/sign-in", search: { next: location.href } })
  return { me, role: me.role }
}

/** Sends home whoever may not see a page; the server refuses them anyway. */
export function only(needed: Role) {
  return ({ context }: { context: { role: Role } }) => {
    if (!mayAct(context.role, needed)) throw redirect({ to: "/projects" })
  }
}

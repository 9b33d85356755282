import { queryOptions, useSuspenseQuery } from "@tanstack/react-query"
import { noteSignedIn, staysSignedOut } from "@/lib/losses"
import { ApiProblem, client, type Schemas, unwrap } from "./client"
import { queryClient } from "./query-client"

export type Me = Schemas["Me"]
export type Role = Me["role"]

const RANK: Record<Role, number> = { annotator: 0, engineer: 1, admin: 2 }

/** Whether someone in this role may do what the other role may. */
export const mayAct = (role: Role, as: Role): boolean => RANK[role] >= RANK[as]

export const aboutQuery = queryOptions({
  queryKey: ["about"],
  queryFn: () => unwrap(client.GET("/api/v1/about")),
  staleTime: Number.POSITIVE_INFINITY,
})

/** Who is signed in; null when nobody is. */
export const meQuery = queryOptions({
  queryKey: ["me"],
  queryFn: async (): Promise<Me | null> => {
    try {
      const me = await unwrap(client.GET("/api/v1/me"))
      noteSignedIn()
      return me
    } catch (error) {
      if (!(error instanceof ApiProblem && error.status === 401)) throw error
      const before = queryClient.getQueryData<Me>(["me"])
      return before && staysSignedOut() ? before : null
    }
  },
  staleTime: 5 * 60_000,
})

/** Who is signed in, on pages that only signed-in people reach. */
export function useMe(): Me {
  const { data } = useSuspenseQuery(meQuery)
  if (!data) throw new Error("Nobody is signed in.")
  return data
}

export async function signIn(credentials: Schemas["SignIn"]): Promise<Me> {
  const me = await unwrap(client.POST("/api/v1/session", { body: credentials }))
  beSomebody(me)
  return me
}

/** Goes to the OpenID provider, which comes back to this page or to the one for signing in. */
export async function signInAtProvider(next: string): Promise<void> {
  const { address } = await unwrap(client.POST("/api/v1/session/provider", { body: { next } }))
  location.assign(address)
}

/** Whether this page stays: after signing in at a provider, the browser is signed out there too. */
export async function signOut(): Promise<boolean> {
  const left = await unwrap(client.DELETE("/api/v1/session"))
  if (left?.provider) {
    location.assign(left.provider)
    return false
  }
  beSomebody(null)
  return true
}

/** What one person was shown must not be shown to the next. */
function beSomebody(me: Me | null): void {
  queryClient.setQueryData(meQuery.queryKey, me)
  queryClient.removeQueries({
    predicate: ({ queryKey }) => queryKey[0] !== meQuery.queryKey[0],
  })
}

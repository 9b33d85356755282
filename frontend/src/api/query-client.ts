import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query"
import { staysSignedOut } from "@/lib/losses"
import { ApiProblem } from "./client"

const ATTEMPTS = 3
/** With waits of up to half a minute between them: some minutes. */
const WHILE_COUNTED = 12

/** Only what may pass by itself is tried again: no answer, or the server in trouble. */
export function isWorthRetrying(failures: number, error: Error): boolean {
  const isCounted = error instanceof ApiProblem && error.code === "being-counted"
  if (failures >= (isCounted ? WHILE_COUNTED : ATTEMPTS) - 1) return false
  return error instanceof ApiProblem && (error.status === 0 || error.status >= 502)
}

/**
 * A session that ended on the server ends here too, and the router shows the sign-in page; but not
 * while something is on the page that would be lost.
 */
function noticeSignedOut(error: Error): void {
  if (!(error instanceof ApiProblem && error.status === 401)) return
  if (!staysSignedOut()) queryClient.setQueryData(["me"], null)
}

export const queryClient: QueryClient = new QueryClient({
  queryCache: new QueryCache({ onError: noticeSignedOut }),
  mutationCache: new MutationCache({ onError: noticeSignedOut }),
  defaultOptions: {
    queries: { retry: isWorthRetrying, staleTime: 10_000 },
    mutations: { retry: false },
  },
})

import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query"
import { ApiProblem } from "./client"

const ATTEMPTS = 3

/** Only what may pass by itself is tried again: no answer, or the server in trouble. */
export function isWorthRetrying(failures: number, error: Error): boolean {
  if (failures >= ATTEMPTS - 1) return false
  return error instanceof ApiProblem && (error.status === 0 || error.status >= 502)
}

/** A session that ended on the server ends here too; the router then shows the sign-in page. */
function noticeSignedOut(error: Error): void {
  if (error instanceof ApiProblem && error.status === 401) queryClient.setQueryData(["me"], null)
}

export const queryClient: QueryClient = new QueryClient({
  queryCache: new QueryCache({ onError: noticeSignedOut }),
  mutationCache: new MutationCache({ onError: noticeSignedOut }),
  defaultOptions: {
    queries: { retry: isWorthRetrying, staleTime: 10_000 },
    mutations: { retry: false },
  },
})

import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query"
import { ApiProblem } from "./client"

const ATTEMPTS = 3
/** Where the server says when to come back: a database takes a while to start again. */
const INVITED_ATTEMPTS = 8
const LONGEST_WAIT_MS = 30_000

/** Only what may pass by itself is tried again: no answer, or the server in trouble. */
export function isWorthRetrying(failures: number, error: Error): boolean {
  if (!(error instanceof ApiProblem) || error.status === 507) return false
  const attempts = error.retryAfter === null ? ATTEMPTS : INVITED_ATTEMPTS
  return failures < attempts - 1 && (error.status === 0 || error.status >= 502)
}

/** Milliseconds to wait: what the server asks for, or longer each time. */
export function retryDelay(failures: number, error: Error): number {
  const asked = error instanceof ApiProblem ? error.retryAfter : null
  return Math.min(asked ?? 1000 * 2 ** failures, LONGEST_WAIT_MS)
}

/** A session that ended on the server ends here too; the router then shows the sign-in page. */
function noticeSignedOut(error: Error): void {
  if (error instanceof ApiProblem && error.status === 401) queryClient.setQueryData(["me"], null)
}

export const queryClient: QueryClient = new QueryClient({
  queryCache: new QueryCache({ onError: noticeSignedOut }),
  mutationCache: new MutationCache({ onError: noticeSignedOut }),
  defaultOptions: {
    queries: { retry: isWorthRetrying, retryDelay, staleTime: 10_000 },
    mutations: { retry: false },
  },
})

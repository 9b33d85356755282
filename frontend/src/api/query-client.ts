import { QueryClient } from "@tanstack/react-query"
import { ApiProblem } from "./client"

const ATTEMPTS = 3

/** Only what may pass by itself is tried again: no answer, or the server in trouble. */
export function isWorthRetrying(failures: number, error: Error): boolean {
  if (failures >= ATTEMPTS - 1) return false
  return error instanceof ApiProblem && (error.status === 0 || error.status >= 502)
}

export const queryClient = new QueryClient({
  defaultOptions: {
    queries: { retry: isWorthRetrying, staleTime: 10_000 },
    mutations: { retry: false },
  },
})

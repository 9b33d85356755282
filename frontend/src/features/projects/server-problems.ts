import { ApiProblem } from "@/api/client"

/** The server's problems by the first part of the field's path. */
export function serverProblems(error: unknown): Record<string, string> {
  if (!(error instanceof ApiProblem)) return {}
  return Object.fromEntries(
    error.errors.map(({ field, message }) => [field.split(/[.[]/)[0] ?? field, message]),
  )
}

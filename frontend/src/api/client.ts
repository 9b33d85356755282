import createClient from "openapi-fetch"
import type { components, paths } from "./schema.gen"

export type Schemas = components["schemas"]

/** Looks `fetch` up at each call, so that a test can replace it. */
export const client = createClient<paths>({
  baseUrl: globalThis.location?.origin ?? "",
  fetch: (request) => globalThis.fetch(request),
})

export type FieldProblem = { field: string; message: string }

/** The server's answer when it refuses (RFC 9457), or what stands for it when no answer came. */
export class ApiProblem extends Error {
  readonly status: number
  readonly code: string
  readonly errors: readonly FieldProblem[]

  constructor(detail: string, status: number, code: string, errors: readonly FieldProblem[] = []) {
    super(detail)
    this.name = "ApiProblem"
    this.status = status
    this.code = code
    this.errors = errors
  }
}

type Answer<T> = { data?: T; error?: unknown; response: Response }

/** Resolves to the body of a successful answer. @throws {ApiProblem} otherwise */
export async function unwrap<T>(request: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await request.catch(() => {
    throw new ApiProblem("The server cannot be reached.", 0, "unreachable")
  })
  if (!response.ok) throw toProblem(error, response.status)
  return data as T
}

/** Reads a problem document from any body; never fails. */
export function toProblem(body: unknown, status: number): ApiProblem {
  const problem: Partial<Schemas["Problem"]> = isRecord(body) ? body : {}
  const detail = problem.detail || problem.title || `The server answered with status ${status}.`
  return new ApiProblem(detail, status, problem.code ?? "unknown", problem.errors ?? [])
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null
}

/** What to show of any error, as a sentence. */
export function messageOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error)
  const sentence = message.charAt(0).toUpperCase() + message.slice(1)
  return /[.!?]$/.test(sentence) ? sentence : `${sentence}.`
}

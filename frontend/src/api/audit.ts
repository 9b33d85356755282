import { infiniteQueryOptions } from "@tanstack/react-query"
import { client, type Schemas, unwrap } from "./client"

export type AuditEntry = Schemas["AuditEntryOut"]
export type AuditEvent = AuditEntry["event"]

/** Which lines; what is left out is no condition. */
export type AuditFilter = { event?: AuditEvent; user_id?: number }

const PAGE_SIZE = 50

/** Who did what, newest first. */
export const auditQuery = (filter: AuditFilter) =>
  infiniteQueryOptions({
    queryKey: ["audit", filter],
    queryFn: ({ pageParam }) =>
      unwrap(
        client.GET("/api/v1/audit", {
          params: {
            query: { ...filter, limit: PAGE_SIZE, ...(pageParam && { cursor: pageParam }) },
          },
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor,
  })

/** Where the browser finds them as a file. */
export function auditExport(filter: AuditFilter): string {
  const pairs = Object.entries(filter).map(([name, value]) => [name, String(value)])
  const query = new URLSearchParams(pairs).toString()
  return `/api/v1/audit/export${query && `?${query}`}`
}

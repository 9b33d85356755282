import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query"
import { client, type Schemas, unwrap } from "./client"

export type Flag = Schemas["FlagOut"]
export type FlagState = "open" | "answered" | "unread"

const PAGE_SIZE = 20

/** All that a new flag or answer may change. */
export const flagsKey = (projectId: number) => ["projects", projectId, "flags"] as const

/** Flags of a project, newest first: one's own, or everybody's for who leads it. */
export const flagsQuery = (projectId: number, state: FlagState | null) =>
  infiniteQueryOptions({
    queryKey: [...flagsKey(projectId), state],
    queryFn: ({ pageParam }) =>
      unwrap(
        client.GET("/api/v1/projects/{project_id}/flags", {
          params: {
            path: { project_id: projectId },
            query: {
              limit: PAGE_SIZE,
              ...(state && { state }),
              ...(pageParam && { cursor: pageParam }),
            },
          },
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor,
  })

/** One's own with answers that one has not read, the newest of them. */
export const unreadFlagsQuery = (projectId: number) =>
  queryOptions({
    queryKey: [...flagsKey(projectId), "mine"],
    queryFn: async () => {
      const params = { path: { project_id: projectId }, query: { state: "unread" as const } }
      return (await unwrap(client.GET("/api/v1/projects/{project_id}/flags", { params }))).items
    },
  })

/** The flags of an image: one's own, or everybody's for who leads its project. */
export const imageFlagsQuery = (imageId: number) =>
  queryOptions({
    queryKey: ["images", imageId, "flags"],
    queryFn: () =>
      unwrap(
        client.GET("/api/v1/images/{image_id}/flags", { params: { path: { image_id: imageId } } }),
      ),
  })

export const answerFlag = (projectId: number, flag: Flag, answer: string) =>
  unwrap(
    client.PUT("/api/v1/projects/{project_id}/flags/{flag_id}/answer", {
      params: { path: { project_id: projectId, flag_id: flag.id } },
      body: { answer, flagged_at: flag.flagged_at, answered_at: flag.answered_at },
    }),
  )

export const noteFlagsRead = (projectId: number, ids: number[]) =>
  unwrap(
    client.PUT("/api/v1/projects/{project_id}/flags/read", {
      params: { path: { project_id: projectId } },
      body: { ids },
    }),
  )

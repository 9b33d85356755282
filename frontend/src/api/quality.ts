import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query"
import { client, type Schemas, unwrap } from "./client"

export type Agreement = Schemas["Agreement"]
export type CategoryAgreement = Schemas["CategoryAgreement"]
export type PrefillEffect = Schemas["PrefillEffect"]
export type CategoryEffect = Schemas["CategoryEffect"]
export type SkipCount = Schemas["SkipCount"]
export type DisputedImage = Schemas["DisputedImage"]
export type LabelIn = Schemas["LabelIn"]
export type Timing = Schemas["Timing"]

const at = (projectId: number) => ({ path: { project_id: projectId } })

/** Everything that a new answer may change. */
export const qualityKey = (projectId: number) => ["projects", projectId, "quality"] as const

export const agreementQuery = (projectId: number) =>
  queryOptions({
    queryKey: [...qualityKey(projectId), "agreement"],
    queryFn: () =>
      unwrap(client.GET("/api/v1/projects/{project_id}/agreement", { params: at(projectId) })),
  })

export const prefillEffectQuery = (projectId: number) =>
  queryOptions({
    queryKey: [...qualityKey(projectId), "prefill-effect"],
    queryFn: () =>
      unwrap(client.GET("/api/v1/projects/{project_id}/prefill-effect", { params: at(projectId) })),
  })

export const skipsQuery = (projectId: number) =>
  queryOptions({
    queryKey: [...qualityKey(projectId), "skips"],
    queryFn: () =>
      unwrap(client.GET("/api/v1/projects/{project_id}/skips", { params: at(projectId) })),
  })

const PAGE_SIZE = 20

/** Images whose labels contradict each other, the latest first. */
export const disputedQuery = (projectId: number) =>
  infiniteQueryOptions({
    queryKey: [...qualityKey(projectId), "disputed"],
    queryFn: ({ pageParam }) =>
      unwrap(
        client.GET("/api/v1/projects/{project_id}/disputed", {
          params: {
            ...at(projectId),
            query: { limit: PAGE_SIZE, ...(pageParam && { cursor: pageParam }) },
          },
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor,
  })

/** Labels an image without a lease: a correction, or a decision. */
export const putLabel = (imageId: number, body: LabelIn) =>
  unwrap(
    client.PUT("/api/v1/images/{image_id}/label", {
      params: { path: { image_id: imageId } },
      body,
    }),
  )

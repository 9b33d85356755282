import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query"
import { ApiProblem, client, type Schemas, unwrap } from "./client"
import type { paths } from "./schema.gen"

export type Image = Schemas["ImageOut"]
export type ImageDetail = Schemas["ImageDetail"]
type AnyImportResult = Schemas["ImportResult"]
type LeftOut = "notes" | "rejected_total"
/** The server leaves out what there is none of; the browser sends too few files to be told a part. */
export type ImportResult = Omit<AnyImportResult, LeftOut> & Partial<Pick<AnyImportResult, LeftOut>>
export type Label = Schemas["LabelOut"]
export type Prediction = Schemas["PredictionOut"]

type ListQuery = NonNullable<
  paths["/api/v1/projects/{project_id}/images"]["get"]["parameters"]["query"]
>

/** Which images, and in which order; what is left out is no condition. */
export type ImageFilter = {
  [Name in Exclude<keyof ListQuery, "limit" | "cursor" | "before" | "page">]?: NonNullable<
    ListQuery[Name]
  >
}

/** Where in a list. With a place, the page's number is only shown. */
export type ListPlace = { page?: number; after?: string; before?: string }

export const PAGE_SIZE = 60

const queryOf = ({ page, after, before }: ListPlace) => ({
  ...(after && { cursor: after }),
  ...(before && { before }),
  ...(page && !after && !before && { page }),
})

const at = (projectId: number) => ({ project_id: projectId })

/** Images from a place in their list on, page by page. */
export const imagesQuery = (projectId: number, filter: ImageFilter, place: ListPlace = {}) =>
  infiniteQueryOptions({
    queryKey: ["projects", projectId, "images", filter, place],
    queryFn: ({ pageParam }) =>
      unwrap(
        client.GET("/api/v1/projects/{project_id}/images", {
          params: {
            path: at(projectId),
            query: { ...filter, limit: PAGE_SIZE, ...queryOf(pageParam) },
          },
        }),
      ),
    initialPageParam: place,
    getNextPageParam: ({ next_cursor }): ListPlace | null =>
      next_cursor ? { after: next_cursor } : null,
  })

/** How many images a list with this filter has. */
export const imageTotalQuery = (projectId: number, filter: ImageFilter) =>
  queryOptions({
    queryKey: ["projects", projectId, "images", "total", filter],
    queryFn: () =>
      unwrap(
        client.GET("/api/v1/projects/{project_id}/images/count", {
          params: { path: at(projectId), query: filter },
        }),
      ),
  })

/** The images before and after one in a list with this filter. */
export const neighboursQuery = (projectId: number, imageId: number, filter: ImageFilter) =>
  queryOptions({
    queryKey: ["projects", projectId, "neighbours", imageId, filter],
    queryFn: () =>
      unwrap(
        client.GET("/api/v1/projects/{project_id}/images/{image_id}/neighbours", {
          params: { path: { ...at(projectId), image_id: imageId }, query: filter },
        }),
      ),
  })

const MOST_AT_ONCE = 1000

/** Hands images out again; resolves to how many were not out already. */
export async function requeueImages(projectId: number, imageIds: readonly number[]) {
  let opened = 0
  for (let start = 0; start < imageIds.length; start += MOST_AT_ONCE) {
    const body = { image_ids: imageIds.slice(start, start + MOST_AT_ONCE) }
    const answer = await unwrap(
      client.POST("/api/v1/projects/{project_id}/images/requeue", {
        params: { path: at(projectId) },
        body,
      }),
    )
    opened += answer.images
  }
  return opened
}

export const imageQuery = (id: number) =>
  queryOptions({
    queryKey: ["images", id],
    queryFn: () =>
      unwrap(client.GET("/api/v1/images/{image_id}", { params: { path: { image_id: id } } })),
  })

/** The revisions of an image's labels that are before its history, page by page. */
export const earlierLabelsQuery = (imageId: number, cursor: string | null) =>
  infiniteQueryOptions({
    queryKey: ["images", imageId, "labels", cursor],
    queryFn: ({ pageParam }) =>
      unwrap(
        client.GET("/api/v1/images/{image_id}/labels", {
          params: { path: { image_id: imageId }, query: { cursor: pageParam } },
        }),
      ),
    initialPageParam: cursor,
    getNextPageParam: (page) => page.next_cursor,
  })

/** The newest prediction of an image; null when no run has predicted it. */
export const predictionQuery = (imageId: number) =>
  queryOptions({
    queryKey: ["images", imageId, "prediction"],
    queryFn: async (): Promise<Prediction | null> => {
      const path = { path: { image_id: imageId } }
      try {
        return await unwrap(client.GET("/api/v1/images/{image_id}/prediction", { params: path }))
      } catch (error) {
        if (error instanceof ApiProblem && error.status === 404) return null
        throw error
      }
    },
  })

export const uploadUrl = (projectId: number): string => `/api/v1/projects/${projectId}/images`

/** The first picture of a project that can be shown; null when there is none. */
export const coverQuery = (projectId: number) =>
  queryOptions({
    queryKey: ["projects", projectId, "cover"],
    queryFn: async (): Promise<Image | null> => {
      const page = await unwrap(
        client.GET("/api/v1/projects/{project_id}/images", {
          params: { path: at(projectId), query: { state: "ready", limit: 1 } },
        }),
      )
      return page.items[0] ?? null
    },
    staleTime: 60_000,
  })

/** The address of a picture scaled down to about this many pixels across. */
export const thumbnail = (image: { url: string }, width: number): string =>
  `${image.url}?width=${width}`

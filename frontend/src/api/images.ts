import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query"
import { ApiProblem, client, type Schemas, unwrap } from "./client"

export type Image = Schemas["ImageOut"]
export type ImageDetail = Schemas["ImageDetail"]
export type ImportResult = Schemas["ImportResult"]
export type Label = Schemas["LabelOut"]
export type Prediction = Schemas["PredictionOut"]

/** What the grid can be narrowed to; `all` is no filter. */
export const IMAGE_FILTERS = [
  "all",
  "unlabelled",
  "labelled",
  "ready",
  "registered",
  "rejected",
] as const
export type ImageFilter = (typeof IMAGE_FILTERS)[number]

const PAGE_SIZE = 60

export const imagesQuery = (projectId: number, filter: ImageFilter) =>
  infiniteQueryOptions({
    queryKey: ["projects", projectId, "images", filter],
    queryFn: ({ pageParam }) =>
      unwrap(
        client.GET("/api/v1/projects/{project_id}/images", {
          params: {
            path: { project_id: projectId },
            query: {
              limit: PAGE_SIZE,
              ...(filter !== "all" && { state: filter }),
              ...(pageParam && { cursor: pageParam }),
            },
          },
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor,
  })

export const imageQuery = (id: number) =>
  queryOptions({
    queryKey: ["images", id],
    queryFn: () =>
      unwrap(client.GET("/api/v1/images/{image_id}", { params: { path: { image_id: id } } })),
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
          params: { path: { project_id: projectId }, query: { state: "ready", limit: 1 } },
        }),
      )
      return page.items[0] ?? null
    },
    staleTime: 60_000,
  })

/** The address of a picture scaled down to about this many pixels across. */
export const thumbnail = (image: { url: string }, width: number): string =>
  `${image.url}?width=${width}`

import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query"
import { client, type Schemas, unwrap } from "./client"

export type People = Schemas["PeopleOut"]
export type Pace = Schemas["PaceOut"]

export const peopleQuery = (projectId: number) =>
  queryOptions({
    queryKey: ["projects", projectId, "quality", "people"],
    queryFn: () => getPeople(projectId),
  })

async function getPeople(projectId: number): Promise<People> {
  const people = await unwrap(
    client.GET("/api/v1/projects/{project_id}/people", {
      params: { path: { project_id: projectId } },
    }),
  )
  if (typeof people === "string") throw new TypeError("CSV was not asked for")
  return people
}

export const peopleCsvUrl = (projectId: number, pseudonyms: boolean): string =>
  `/api/v1/projects/${projectId}/people?format=csv${pseudonyms ? "&pseudonyms=true" : ""}`

export const trailsUrl = (projectId: number): string =>
  `/api/v1/projects/${projectId}/people/trails`

export type TimedLabel = Schemas["TimedLabel"]
export type LabelTrail = Schemas["TrailOut"]
export type SnapshotLine = Schemas["SnapshotLine"]

/** A figure of `people`, by what it is of. */
export type TimeFigure = { annotator?: string; by?: Pace["by"]; value?: string }

export const timedLabelsQuery = (projectId: number, figure: TimeFigure) =>
  infiniteQueryOptions({
    queryKey: ["projects", projectId, "timed-labels", figure],
    queryFn: ({ pageParam }) =>
      unwrap(
        client.GET("/api/v1/projects/{project_id}/people/labels", {
          params: {
            path: { project_id: projectId },
            query: { ...figure, ...(pageParam && { cursor: pageParam }) },
          },
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor,
  })

export const snapshotLinesQuery = (snapshotId: number) =>
  infiniteQueryOptions({
    queryKey: ["snapshots", snapshotId, "lines"],
    queryFn: ({ pageParam }) =>
      unwrap(
        client.GET("/api/v1/snapshots/{snapshot_id}/lines", {
          params: {
            path: { snapshot_id: snapshotId },
            query: pageParam ? { cursor: pageParam } : {},
          },
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor,
  })

export const labelTrailQuery = (projectId: number, labelId: number) =>
  queryOptions({
    queryKey: ["projects", projectId, "label-trail", labelId],
    queryFn: () =>
      unwrap(
        client.GET("/api/v1/projects/{project_id}/people/labels/{label_id}", {
          params: { path: { project_id: projectId, label_id: labelId } },
        }),
      ),
  })

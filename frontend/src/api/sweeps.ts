import { queryOptions } from "@tanstack/react-query"
import { client, type Schemas, unwrap } from "./client"

export type SweepPage = Schemas["SweepOut"]
export type SweptImage = Schemas["SweptImage"]
export type SweepAnswers = Schemas["SweepAnswers"]

export type SweepCount = Schemas["SweepCategory"]

/** What is left to sweep of each category. */
export const sweepsQuery = (projectId: number) =>
  queryOptions({
    queryKey: ["projects", projectId, "sweeps"],
    queryFn: () =>
      unwrap(
        client.GET("/api/v1/projects/{project_id}/sweeps", {
          params: { path: { project_id: projectId } },
        }),
      ),
  })

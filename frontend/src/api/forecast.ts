import { queryOptions } from "@tanstack/react-query"
import { client, type Schemas, unwrap } from "./client"

export type Forecast = Schemas["Forecast"]
export type KindForecast = Schemas["KindForecast"]
export type Estimate = Schemas["Estimate"]

export const forecastQuery = (projectId: number) =>
  queryOptions({
    queryKey: ["projects", projectId, "forecast"],
    queryFn: () =>
      unwrap(
        client.GET("/api/v1/projects/{project_id}/forecast", {
          params: { path: { project_id: projectId } },
        }),
      ),
  })

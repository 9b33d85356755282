import { queryOptions } from "@tanstack/react-query"
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

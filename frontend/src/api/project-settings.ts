import { queryOptions } from "@tanstack/react-query"
import { client, unwrap } from "./client"
import type { ProjectChange, ProjectIn } from "./projects"

// What labelling does without: each byte of `projects.ts` is loaded before any page.

const at = (id: number) => ({ params: { path: { project_id: id } } })

const LOOK_AGAIN_MS = 10_000

/** What a project still needs, looked at again until it is done; for who leads it. */
export const firstStepsQuery = (id: number) =>
  queryOptions({
    queryKey: ["projects", id, "first-steps"],
    queryFn: () => unwrap(client.GET("/api/v1/projects/{project_id}/first-steps", at(id))),
    refetchInterval: ({ state }) => (state.data?.done ? false : LOOK_AGAIN_MS),
  })

export const datasetsQuery = queryOptions({
  queryKey: ["datasets"],
  queryFn: () => unwrap(client.GET("/api/v1/datasets")),
  staleTime: 60_000,
})

export const recipesQuery = queryOptions({
  queryKey: ["recipes"],
  queryFn: () => unwrap(client.GET("/api/v1/recipes")),
  staleTime: 60_000,
})

export const createProject = (body: ProjectIn) => unwrap(client.POST("/api/v1/projects", { body }))

export const changeProject = (id: number, body: ProjectChange) =>
  unwrap(client.PATCH("/api/v1/projects/{project_id}", { ...at(id), body }))

export const paceQuery = (id: number) =>
  queryOptions({
    queryKey: ["projects", id, "pace"],
    queryFn: () => unwrap(client.GET("/api/v1/projects/{project_id}/pace", at(id))),
  })

import { queryOptions } from "@tanstack/react-query"
import { client, type Schemas, unwrap } from "./client"

export type Project = Schemas["ProjectOut"]
export type Category = Schemas["CategoryOut"]
export type CategoryIn = Schemas["CategoryIn"]
export type CategoryChange = Schemas["CategoryChange"]
export type ProjectIn = Schemas["ProjectIn"]
export type ProjectChange = Schemas["ProjectChange"]
export type Supervision = Project["supervision"]
export type Mode = Project["mode"]
export type Prefill = Project["prefill"]
export type Order = Project["order"]
export type Dataset = Schemas["DatasetOut"]
export type Recipe = Schemas["RecipeOut"]
export type FirstStep = Schemas["FirstStep"]
export type Pace = Schemas["AnnotatorPace"]

const at = (id: number) => ({ params: { path: { project_id: id } } })

export const projectsQuery = queryOptions({
  queryKey: ["projects"],
  queryFn: () => unwrap(client.GET("/api/v1/projects")),
})

export const projectQuery = (id: number) =>
  queryOptions({
    queryKey: ["projects", id],
    queryFn: () => unwrap(client.GET("/api/v1/projects/{project_id}", at(id))),
  })

export const paceQuery = (id: number) =>
  queryOptions({
    queryKey: ["projects", id, "pace"],
    queryFn: () => unwrap(client.GET("/api/v1/projects/{project_id}/pace", at(id))),
  })

const LOOK_AGAIN_MS = 10_000

/** What a project still needs, looked at again until it is done; for who leads it. */
export const firstStepsQuery = (id: number) =>
  queryOptions({
    queryKey: ["projects", id, "first-steps"],
    queryFn: () => unwrap(client.GET("/api/v1/projects/{project_id}/first-steps", at(id))),
    refetchInterval: ({ state }) => (state.data?.done ? false : LOOK_AGAIN_MS),
  })

/** The keys that one labels with, by category name. */
export const keysQuery = (id: number) =>
  queryOptions({
    queryKey: ["projects", id, "keys"],
    queryFn: async () =>
      (await unwrap(client.GET("/api/v1/projects/{project_id}/keys", at(id)))).keys,
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

/** The colour that a project shows a category in; grey for one that it no longer has. */
export const colorOf = (project: Project, category: string): string =>
  project.categories.find(({ name }) => name === category)?.color ?? "#888"

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

/** The keys that one labels with, by category name. */
export const keysQuery = (id: number) =>
  queryOptions({
    queryKey: ["projects", id, "keys"],
    queryFn: async () =>
      (await unwrap(client.GET("/api/v1/projects/{project_id}/keys", at(id)))).keys,
  })

/** The colour that a project shows a category in; grey for one that it no longer has. */
export const colorOf = (project: Project, category: string): string =>
  project.categories.find(({ name }) => name === category)?.color ?? "#888"

/** How far labelling is, in answers: as many as images, unless some are for several people. */
export function progressOf({ images }: Pick<Project, "images">) {
  const { ready, registered, answers: done, answers_wanted: wanted } = images
  const noun = wanted > ready + registered ? "answer" : "image"
  return { done, wanted, left: wanted - done, noun }
}

import { queryOptions } from "@tanstack/react-query"
import { client, type Schemas, unwrap } from "./client"

export type Deletion = Schemas["DeletionOut"]

/** Something that can be deleted. */
export type Thing =
  | { kind: "image" | "run" | "checkpoint" | "user"; id: number }
  | { kind: "project"; id: number; name: string }
  | { kind: "dataset"; name: string }

/** What would go with it. */
export const deletionQuery = (thing: Thing) =>
  queryOptions({
    queryKey: ["deletion", thing],
    queryFn: () => unwrap(preview(thing)),
    staleTime: 0,
    gcTime: 0,
  })

function preview(thing: Thing) {
  if (thing.kind === "dataset") {
    return client.GET("/api/v1/datasets/{name}/deletion", at({ name: thing.name }))
  }
  const { kind, id } = thing
  switch (kind) {
    case "image":
      return client.GET("/api/v1/images/{image_id}/deletion", at({ image_id: id }))
    case "run":
      return client.GET("/api/v1/runs/{run_id}/deletion", at({ run_id: id }))
    case "checkpoint":
      return client.GET("/api/v1/checkpoints/{checkpoint_id}/deletion", at({ checkpoint_id: id }))
    case "user":
      return client.GET("/api/v1/users/{user_id}/deletion", at({ user_id: id }))
    case "project":
      return client.GET("/api/v1/projects/{project_id}/deletion", at({ project_id: id }))
  }
}

/** Deletes it, for good. */
export const remove = (thing: Thing): Promise<Deletion> => unwrap(removal(thing))

function removal(thing: Thing) {
  if (thing.kind === "dataset") {
    return client.DELETE("/api/v1/datasets/{name}", at({ name: thing.name }))
  }
  const { id } = thing
  switch (thing.kind) {
    case "image":
      return client.DELETE("/api/v1/images/{image_id}", at({ image_id: id }))
    case "run":
      return client.DELETE("/api/v1/runs/{run_id}", at({ run_id: id }))
    case "checkpoint":
      return client.DELETE("/api/v1/checkpoints/{checkpoint_id}", at({ checkpoint_id: id }))
    case "user":
      return client.DELETE("/api/v1/users/{user_id}", at({ user_id: id }))
    case "project":
      return client.DELETE("/api/v1/projects/{project_id}", {
        params: { path: { project_id: id }, query: { name: thing.name } },
      })
  }
}

const at = <Path>(path: Path) => ({ params: { path } })

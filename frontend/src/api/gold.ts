import { queryOptions } from "@tanstack/react-query"
import { client, type Schemas, unwrap } from "./client"
import { qualityKey } from "./quality"

export type Gold = Schemas["GoldOut"]
export type AnnotatorQuality = Schemas["AnnotatorQuality"]
export type CategoryScore = Schemas["CategoryScore"]
export type Scores = Schemas["Scores"]
export type Rate = Schemas["Rate"]

const POLL_MS = 2000

const at = (projectId: number) => ({ params: { path: { project_id: projectId } } })

/** How far a project's images with known answers are. */
export const goldQuery = (projectId: number) =>
  queryOptions({
    queryKey: [...qualityKey(projectId), "gold"],
    queryFn: () => unwrap(client.GET("/api/v1/projects/{project_id}/gold", at(projectId))),
    refetchInterval: ({ state }) => (state.data?.state === "making" ? POLL_MS : false),
  })

export const makeGold = (projectId: number, count: number) =>
  unwrap(client.POST("/api/v1/projects/{project_id}/gold", { ...at(projectId), body: { count } }))

/** How well people answer where the truth is known; annotators see themselves alone. */
export const knownAnswersQuery = (projectId: number) =>
  queryOptions({
    queryKey: [...qualityKey(projectId), "known-answers"],
    queryFn: () => unwrap(client.GET("/api/v1/projects/{project_id}/quality", at(projectId))),
  })

import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query"
import { client, type Schemas, unwrap } from "./client"

export type Rules = Schemas["RulesOut"]
export type RulesSection = Rules["sections"][number]
export type RulesIn = Schemas["RulesIn"]
export type RulesPicture = Schemas["RulesPictureOut"]

const at = (projectId: number) => ({ params: { path: { project_id: projectId } } })

const rulesKey = (projectId: number) => ["projects", projectId, "rules"] as const

/** The rules of a project as they are now; version 0 where there are none. */
export const rulesQuery = (projectId: number) =>
  queryOptions({
    queryKey: [...rulesKey(projectId), "now"],
    queryFn: () => unwrap(client.GET("/api/v1/projects/{project_id}/rules", at(projectId))),
  })

export const rulesVersionQuery = (projectId: number, version: number) =>
  queryOptions({
    queryKey: [...rulesKey(projectId), version],
    queryFn: () =>
      unwrap(
        client.GET("/api/v1/projects/{project_id}/rules/versions/{version}", {
          params: { path: { project_id: projectId, version } },
        }),
      ),
  })

/** All versions, newest first. */
export const rulesVersionsQuery = (projectId: number) =>
  infiniteQueryOptions({
    queryKey: [...rulesKey(projectId), "versions"],
    queryFn: ({ pageParam }) =>
      unwrap(
        client.GET("/api/v1/projects/{project_id}/rules/versions", {
          params: {
            path: { project_id: projectId },
            query: pageParam ? { cursor: pageParam } : {},
          },
        }),
      ),
    initialPageParam: "",
    getNextPageParam: (page) => page.next_cursor,
  })

/** Who was shown rules, for leads. */
export const rulesReadersQuery = (projectId: number) =>
  queryOptions({
    queryKey: [...rulesKey(projectId), "readers"],
    queryFn: () => unwrap(client.GET("/api/v1/projects/{project_id}/rules/readers", at(projectId))),
  })

export const publishRules = (projectId: number, body: RulesIn) =>
  unwrap(client.POST("/api/v1/projects/{project_id}/rules", { ...at(projectId), body }))

/** Say that one was shown a version. */
export const noteRulesSeen = (projectId: number, version: number) =>
  unwrap(
    client.PUT("/api/v1/projects/{project_id}/rules/seen", { ...at(projectId), body: { version } }),
  )

/** @throws {ApiProblem} for what is no picture */
export async function uploadRulesPicture(projectId: number, file: File): Promise<RulesPicture> {
  return unwrap(
    client.POST("/api/v1/projects/{project_id}/rules/pictures", {
      ...at(projectId),
      body: { file: "" },
      bodySerializer: () => {
        const form = new FormData()
        form.append("file", file)
        return form
      },
    }),
  )
}

/** Gone also from the versions that show it. */
export const deleteRulesPicture = (projectId: number, pictureId: number) =>
  unwrap(
    client.DELETE("/api/v1/projects/{project_id}/rules/pictures/{picture_id}", {
      params: { path: { project_id: projectId, picture_id: pictureId } },
    }),
  )

import { queryOptions } from "@tanstack/react-query"
import { client, type Schemas, unwrap } from "./client"
import type { Project } from "./projects"

export type TeamPerson = Schemas["TeamPerson"]
export type MemberIn = Schemas["MemberIn"]
export type MemberRole = Schemas["MemberOut"]["role"]

const of = (projectId: number) => ({ params: { path: { project_id: projectId } } })

const one = (projectId: number, userId: number) => ({
  params: { path: { project_id: projectId, user_id: userId } },
})

/** Whether the caller leads a project, or may label there. */
export const leads = ({ role }: Project): boolean => role === "lead"
export const labels = ({ role }: Project): boolean => role !== "viewer"

/** Who takes part in a project, and what they did. Who does not lead it is told of themselves alone. */
export const teamQuery = (projectId: number) =>
  queryOptions({
    queryKey: ["projects", projectId, "team"],
    queryFn: () => getTeam(projectId),
  })

async function getTeam(projectId: number): Promise<TeamPerson[]> {
  const team = await unwrap(client.GET("/api/v1/projects/{project_id}/team", of(projectId)))
  if (typeof team === "string") throw new TypeError("CSV was not asked for")
  return team.people
}

export const teamCsvUrl = (projectId: number): string =>
  `/api/v1/projects/${projectId}/team?format=csv`

export const addMember = (projectId: number, body: MemberIn) =>
  unwrap(client.POST("/api/v1/projects/{project_id}/members", { ...of(projectId), body }))

export const changeMember = (projectId: number, userId: number, role: MemberRole) =>
  unwrap(
    client.PATCH("/api/v1/projects/{project_id}/members/{user_id}", {
      ...one(projectId, userId),
      body: { role },
    }),
  )

export const removeMember = (projectId: number, userId: number) =>
  unwrap(client.DELETE("/api/v1/projects/{project_id}/members/{user_id}", one(projectId, userId)))

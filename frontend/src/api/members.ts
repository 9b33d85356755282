import { queryOptions } from "@tanstack/react-query"
import { client, type Schemas, unwrap } from "./client"
import type { Project } from "./projects"

export type Member = Schemas["MemberOut"]
export type MemberIn = Schemas["MemberIn"]
export type MemberRole = Member["role"]

const of = (projectId: number) => ({ params: { path: { project_id: projectId } } })

const one = (projectId: number, userId: number) => ({
  params: { path: { project_id: projectId, user_id: userId } },
})

/** Whether the caller leads a project, or may label there. */
export const leads = ({ role }: Project): boolean => role === "lead"
export const labels = ({ role }: Project): boolean => role !== "viewer"

/** Who takes part in a project. */
export const membersQuery = (projectId: number) =>
  queryOptions({
    queryKey: ["projects", projectId, "members"],
    queryFn: () => unwrap(client.GET("/api/v1/projects/{project_id}/members", of(projectId))),
  })

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

import { client, unwrap } from "@/api/client"
import { type Keys, ownKeys } from "../loop/transport"

/** Returns the keys as they are then. */
export async function chooseKeys(projectId: number, keys: Keys): Promise<Keys> {
  const request = { params: { path: { project_id: projectId } }, body: { keys } }
  return (await unwrap(client.PUT("/api/v1/projects/{project_id}/keys", request))).keys
}

/** Back to the project's own. Returns the keys as they are then. */
export async function resetKeys(projectId: number): Promise<Keys> {
  const request = { params: { path: { project_id: projectId } } }
  await unwrap(client.DELETE("/api/v1/projects/{project_id}/keys", request))
  return ownKeys(projectId)
}

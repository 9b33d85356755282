import { ApiProblem, client, messageOf, type Schemas, unwrap } from "@/api/client"
import type { Project } from "@/api/projects"
import type { Parcel, Verdict } from "./outbox"

export type Lease = Schemas["LeaseOut"]
export type LeasedImage = Schemas["LeasedImage"]
export type Label = Schemas["LabelOut"]
export type Keys = Schemas["PersonalKeys"]["keys"]
export type Prediction = Schemas["PredictionOut"]

const PATIENCE_MS = 20_000

export const giveUp = () => AbortSignal.timeout(PATIENCE_MS)

/** Whether it may work later without anybody doing anything. */
export const isPassing = (error: unknown): boolean =>
  error instanceof ApiProblem &&
  (error.status === 0 || error.status >= 500 || error.status === 408 || error.status === 429)

export const isSignedOut = (error: unknown): boolean =>
  error instanceof ApiProblem && error.status === 401

export const isFull = (error: unknown): boolean =>
  error instanceof ApiProblem && error.code === "too-many-leases"

export async function sendLabel(parcel: Parcel): Promise<Verdict> {
  const params = { path: { image_id: parcel.imageId }, header: { "idempotency-key": parcel.id } }
  const request = { params, body: parcel.body, signal: giveUp() }
  try {
    await mustBe(parcel.annotatorId)
    await unwrap(client.PUT("/api/v1/images/{image_id}/label", request))
    return { kind: "saved" }
  } catch (error) {
    return verdictOn(error)
  }
}

export function verdictOn(error: unknown): Verdict {
  if (!(error instanceof ApiProblem)) throw error
  if (isPassing(error)) return { kind: "unreachable" }
  if (isSignedOut(error)) return { kind: "signed-out" }
  if (error.code === "lease-lost") return { kind: "lease-lost" }
  return { kind: "refused", reason: messageOf(error) }
}

/**
 * Nobody's labels are sent, and nobody's images taken, in the name of whoever signed in after them,
 * be it in another tab. @throws {ApiProblem} with status 401 when it is not this person
 */
export async function mustBe(annotatorId: number): Promise<void> {
  const { id } = await unwrap(client.GET("/api/v1/me", { signal: giveUp() }))
  if (id !== annotatorId) throw new ApiProblem("Somebody else has signed in.", 401, "someone-else")
}

export async function takeLeases(
  annotatorId: number,
  projectId: number,
  count: number,
): Promise<Lease[]> {
  await mustBe(annotatorId)
  const params = { path: { project_id: projectId } }
  const request = { params, body: { count }, signal: giveUp() }
  return unwrap(client.POST("/api/v1/projects/{project_id}/leases", request))
}

/** The leases that are lost; no answer leaves them as they were. */
export async function renewLeases(ids: readonly string[]): Promise<readonly string[]> {
  const request = { body: { lease_ids: [...ids] }, signal: giveUp() }
  try {
    const held = await unwrap(client.POST("/api/v1/leases/heartbeat", request))
    return ids.filter((id) => !held.some((lease) => lease.id === id))
  } catch {
    return []
  }
}

/** Goes out even while the page is being closed. A lease that cannot be given back expires. */
export function releaseLeases(ids: readonly string[]): void {
  const request = { body: { lease_ids: [...ids] }, keepalive: true }
  unwrap(client.POST("/api/v1/leases/release", request)).catch(() => undefined)
}

/** One's own labels before `cursor`, newest first. */
export function ownLabels(projectId: number, cursor: string | null, limit: number) {
  const query = { limit, ...(cursor !== null && { cursor }) }
  const request = { params: { path: { project_id: projectId }, query }, signal: giveUp() }
  return unwrap(client.GET("/api/v1/projects/{project_id}/labels/mine", request))
}

export async function imageOf(imageId: number): Promise<LeasedImage> {
  const request = { params: { path: { image_id: imageId } }, signal: giveUp() }
  const { id, external_id, width, height, url } = await unwrap(
    client.GET("/api/v1/images/{image_id}", request),
  )
  return { id, external_id, url, width: width ?? 0, height: height ?? 0 }
}

export function projectOf(projectId: number): Promise<Project> {
  const request = { params: { path: { project_id: projectId } }, signal: giveUp() }
  return unwrap(client.GET("/api/v1/projects/{project_id}", request))
}

/** The keys that the person labels with, by category name. */
export async function ownKeys(projectId: number): Promise<Keys> {
  const request = { params: { path: { project_id: projectId } }, signal: giveUp() }
  return (await unwrap(client.GET("/api/v1/projects/{project_id}/keys", request))).keys
}

/** The last run before this one that brought a model; null when there is none. */
export async function runBefore(projectId: number, runId: number): Promise<number | null> {
  const request = { params: { path: { project_id: projectId } }, signal: giveUp() }
  const runs = await unwrap(client.GET("/api/v1/projects/{project_id}/runs", request))
  const earlier = runs.filter((run) => run.state === "succeeded" && run.id < runId)
  return earlier.length > 0 ? Math.max(...earlier.map((run) => run.id)) : null
}

/** Of the project's latest model, or of a run. Null when there is none to be seen. */
export async function predictionOf(imageId: number, runId?: number): Promise<Prediction | null> {
  const query = runId === undefined ? {} : { run_id: runId }
  const request = { params: { path: { image_id: imageId }, query }, signal: giveUp() }
  try {
    return await unwrap(client.GET("/api/v1/images/{image_id}/prediction", request))
  } catch (error) {
    if (error instanceof ApiProblem && [403, 404].includes(error.status)) return null
    throw error
  }
}

/** The bytes of a file of the server. @throws {ApiProblem} */
export async function fileOf(url: string): Promise<Blob> {
  const unreachable = () => new ApiProblem("The server cannot be reached.", 0, "unreachable")
  const response = await fetch(url).catch(() => Promise.reject(unreachable()))
  if (!response.ok) {
    throw new ApiProblem(`The server answered with status ${response.status}.`, response.status, "")
  }
  return response.blob().catch(() => Promise.reject(unreachable()))
}

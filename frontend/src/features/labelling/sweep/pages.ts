import { ApiProblem, client, unwrap } from "@/api/client"
import type { SweepAnswers, SweepPage } from "@/api/sweeps"
import type { Kept, Verdict } from "../loop/outbox"
import { giveUp, mustBe, verdictOn } from "../loop/transport"

/** A page that this browser holds. As pages share no image, the first one stands for its page. */
export type Held = { id: string; image: { id: number }; page: SweepPage }

/** The answers to a page, on their way. */
export type AnsweredPage = Kept & {
  pageId: string
  /** By which the person knows it. */
  name: string
  body: SweepAnswers & { lease_id?: never }
}

export type Sweeper = { annotatorId: number; projectId: number; category: string }

/** The next page; none when nothing is left. `held`: the pages that are here or on their way. */
export async function takePage(sweeper: Sweeper, held: string[]): Promise<Held[]> {
  await mustBe(sweeper.annotatorId)
  const params = { path: { project_id: sweeper.projectId } }
  const request = { params, body: { category: sweeper.category, held }, signal: giveUp() }
  try {
    const page = await unwrap(client.POST("/api/v1/projects/{project_id}/sweeps", request))
    const first = page?.images[0]
    return page && first ? [{ id: page.id, image: { id: first.id }, page }] : []
  } catch (error) {
    // Those that are on their way come first.
    if (error instanceof ApiProblem && error.code === "too-many-leases") return []
    throw error
  }
}

export async function sendPage({ annotatorId, pageId, body }: AnsweredPage): Promise<Verdict> {
  const request = { params: { path: { page_id: pageId } }, body, signal: giveUp() }
  try {
    await mustBe(annotatorId)
    await unwrap(client.PUT("/api/v1/sweeps/{page_id}/answers", request))
    return { kind: "saved" }
  } catch (error) {
    return verdictOn(error)
  }
}

/** False when the page is lost; no answer leaves it as it was. */
export async function renewPage(id: string): Promise<boolean> {
  const request = { params: { path: { page_id: id } }, signal: giveUp() }
  try {
    await unwrap(client.POST("/api/v1/sweeps/{page_id}/heartbeat", request))
    return true
  } catch (error) {
    return !(error instanceof ApiProblem && error.status === 409)
  }
}

/** Goes out even while the page is being closed. What cannot be given back expires. */
export function releasePage(id: string): void {
  const request = { params: { path: { page_id: id } }, keepalive: true }
  unwrap(client.DELETE("/api/v1/sweeps/{page_id}", request)).catch(() => undefined)
}

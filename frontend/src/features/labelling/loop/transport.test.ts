import { afterEach, describe, expect, it, vi } from "vitest"
import { ApiProblem } from "@/api/client"
import type { Parcel } from "./outbox"
import { runBefore, sendLabel, takeLeases, verdictOn } from "./transport"

afterEach(() => void vi.unstubAllGlobals())

/** A server that gives these answers by path, and notes what it was asked. */
function serving(answers: Record<string, unknown>): string[] {
  const asked: string[] = []
  vi.stubGlobal("fetch", async (request: Request) => {
    const { pathname } = new URL(request.url)
    asked.push(`${request.method} ${pathname}`)
    return Response.json(answers[pathname] ?? {})
  })
  return asked
}

const answer = (status: number, code = "unknown") => verdictOn(new ApiProblem("said", status, code))

describe("verdictOn", () => {
  it("sends again whatever may pass by itself", () => {
    for (const status of [0, 408, 429, 500, 502, 503, 504]) {
      expect(answer(status), String(status)).toEqual({ kind: "unreachable" })
    }
  })

  it("waits for a person when nobody is signed in", () => {
    expect(answer(401, "not-signed-in")).toEqual({ kind: "signed-out" })
  })

  it("tells a lost lease from other conflicts", () => {
    expect(answer(409, "lease-lost")).toEqual({ kind: "lease-lost" })
    expect(answer(409, "image-taken").kind).toBe("refused")
  })

  it("never sends again what was refused for good", () => {
    for (const status of [400, 403, 404, 413, 422]) expect(answer(status).kind).toBe("refused")
  })

  it("does not take a mistake of ours for an answer", () => {
    expect(() => verdictOn(new TypeError("ours"))).toThrow("ours")
  })
})

describe("in whose name", () => {
  const timing = { wall_ms: 1, active_ms: 1, events: [] }
  const tags = { present: [], absent: [], unsure: [], points: [] }
  const body = { ...tags, resolves: false, timing }
  const about = { annotatorId: 1, projectId: 7, imageId: 5, imageName: "street 5" }
  const parcel: Parcel = { id: "key-1", ...about, body, queuedAt: 0 }

  it("sends a label only while its own author is signed in", async () => {
    const asked = serving({ "/api/v1/me": { id: 2 } })
    expect(await sendLabel(parcel)).toEqual({ kind: "signed-out" })
    expect(asked).toEqual(["GET /api/v1/me"])
    serving({ "/api/v1/me": { id: 1 } })
    expect(await sendLabel(parcel)).toEqual({ kind: "saved" })
  })

  it("takes no images in the name of somebody else", async () => {
    const asked = serving({ "/api/v1/me": { id: 2 } })
    await expect(takeLeases(1, 7, 5)).rejects.toMatchObject({ status: 401 })
    expect(asked).toEqual(["GET /api/v1/me"])
  })
})

describe("runBefore", () => {
  const run = (id: number, state: string) => ({ id, state })
  const path = "/api/v1/projects/7/runs"

  it("is the last earlier one that brought a model", async () => {
    serving({
      [path]: [run(9, "succeeded"), run(8, "failed"), run(6, "succeeded"), run(2, "succeeded")],
    })
    expect(await runBefore(7, 9)).toBe(6)
  })

  it("is none for the first", async () => {
    serving({ [path]: [run(9, "succeeded"), run(4, "cancelled")] })
    expect(await runBefore(7, 9)).toBeNull()
  })
})

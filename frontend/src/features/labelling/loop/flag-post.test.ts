import { afterEach, expect, it, vi } from "vitest"
import { type FlagParcel, sendFlag, waitingFor } from "./flag-post"

afterEach(() => void vi.unstubAllGlobals())

const parcel = (text: string | null, imageId = 5): FlagParcel => ({
  id: `flag of ${imageId}: ${text}`,
  annotatorId: 1,
  projectId: 7,
  imageId,
  imageName: "street",
  queuedAt: 0,
  body: { text },
})

/** A server at which person 1 is signed in, and what it was asked. */
function serving(status: number, body: unknown = {}): string[] {
  const asked: string[] = []
  vi.stubGlobal("fetch", async (request: Request) => {
    const { pathname } = new URL(request.url)
    asked.push(`${request.method} ${pathname} ${await request.text()}`.trim())
    return pathname.endsWith("/me") ? Response.json({ id: 1 }) : Response.json(body, { status })
  })
  return asked
}

it("sends a word, and takes it back, in the name of whose it is alone", async () => {
  const asked = serving(200)
  expect(await sendFlag(parcel("Is it one?"))).toEqual({ kind: "saved" })
  expect(await sendFlag(parcel(null))).toEqual({ kind: "saved" })
  expect(await sendFlag({ ...parcel("mine"), annotatorId: 2 })).toEqual({ kind: "signed-out" })
  expect(asked.filter((one) => !one.startsWith("GET"))).toEqual([
    'PUT /api/v1/images/5/flag {"text":"Is it one?"}',
    "DELETE /api/v1/images/5/flag",
  ])
})

it("waits for a server that is away, and says why one refuses", async () => {
  serving(503)
  expect(await sendFlag(parcel("a"))).toEqual({ kind: "unreachable" })
  serving(409, { detail: "this project is archived", code: "archived" })
  expect(await sendFlag(parcel("a"))).toEqual({
    kind: "refused",
    reason: "This project is archived.",
  })
})

it("knows what of an image is on its way: the last word of several", () => {
  const waiting = [parcel("first"), parcel("other", 6), parcel(null)]
  expect(waitingFor(waiting, 5)).toBeNull()
  expect(waitingFor(waiting, 6)).toBe("other")
  expect(waitingFor(waiting, 7)).toBeUndefined()
})

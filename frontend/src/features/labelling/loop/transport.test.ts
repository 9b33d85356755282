import { describe, expect, it } from "vitest"
import { ApiProblem } from "@/api/client"
import { verdictOn } from "./transport"

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

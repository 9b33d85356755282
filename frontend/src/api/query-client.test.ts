import { expect, test } from "vitest"
import { toProblem } from "./client"
import { isWorthRetrying } from "./query-client"

const tries = (status: number, code?: string) => {
  let failures = 0
  while (isWorthRetrying(failures, toProblem({ code }, status))) failures += 1
  return failures
}

test("a server in trouble is asked twice more", () => {
  expect([503, 0, 502].map((status) => tries(status))).toEqual([2, 2, 2])
})

test("what is counted for the first time is waited for longer, but not for ever", () => {
  expect(tries(503, "being-counted")).toBe(11)
})

test("what will not pass by itself is not tried again", () => {
  expect([401, 404, 409, 422, 500].map((status) => tries(status))).toEqual([0, 0, 0, 0, 0])
  expect(isWorthRetrying(0, new Error("a mistake"))).toBe(false)
})

import { expect, test } from "vitest"
import { ApiProblem, toProblem } from "./client"
import { isWorthRetrying, retryDelay } from "./query-client"

const away = toProblem({ detail: "the database cannot be reached" }, 503, "3")

test("a server that says when to come back is asked again then, and for longer", () => {
  expect(retryDelay(0, away)).toBe(3000)
  expect(retryDelay(5, away)).toBe(3000)
  expect(isWorthRetrying(6, away)).toBe(true)
  expect(isWorthRetrying(7, away)).toBe(false)
})

test("one that says nothing is asked three times, and what will not pass once", () => {
  const silent = new ApiProblem("The server cannot be reached.", 0, "unreachable")
  expect([retryDelay(0, silent), retryDelay(1, silent)]).toEqual([1000, 2000])
  expect([1, 2].map((failures) => isWorthRetrying(failures, silent))).toEqual([true, false])
  for (const status of [404, 422, 500, 507]) {
    expect(isWorthRetrying(0, toProblem({}, status))).toBe(false)
  }
  expect(toProblem({}, 503, "Wed, 21 Oct 2015 07:28:00 GMT").retryAfter).toBeNull()
})

import { expect, test } from "vitest"
import type { AuditEntry } from "@/api/audit"
import { changesOf, thingOf, wayOf, whoOf } from "./audit-words"

const ENTRY: AuditEntry = {
  id: 7,
  at: "2026-11-22T10:00:00Z",
  event: "role-changed",
  door: "http",
  user_id: 3,
  user: "lead@example.org",
  session_id: 12,
  token_id: null,
  address: "192.0.2.7",
  request_id: "0123",
  project_id: null,
  subject: "user",
  subject_id: "5",
  subject_name: "ann@example.org",
  before: { role: "annotator" },
  after: { role: "admin" },
  hash: "0".repeat(64),
}

test("who did it, by what, from where", () => {
  expect(whoOf(ENTRY)).toBe("lead@example.org")
  expect(whoOf({ ...ENTRY, user: null })).toBe("user 3")
  const nobody = { ...ENTRY, user: null, user_id: null }
  expect(whoOf(nobody)).toBe("not signed in")
  expect(whoOf({ ...nobody, door: "command" })).toBe("command line")
  expect(whoOf({ ...nobody, door: "server" })).toBe("the server")
  expect(wayOf(ENTRY)).toBe("session 12, 192.0.2.7")
  expect(wayOf({ ...ENTRY, session_id: null, token_id: 4, address: null })).toBe("token 4")
})

test("what it was done to", () => {
  expect(thingOf(ENTRY)).toBe("ann@example.org")
  const run = { ...ENTRY, subject: "run", subject_id: "8", subject_name: null, project_id: 2 }
  expect(thingOf(run)).toBe("run 8, project 2")
  expect(thingOf({ ...run, subject: "project", subject_id: "2" })).toBe("project 2")
})

test("before and after", () => {
  expect(changesOf(ENTRY)).toEqual(["role: annotator → admin"])
  expect(changesOf({ ...ENTRY, before: null, after: { count: 2, names: [] } })).toEqual([
    "count: 2",
    "names: none",
  ])
  expect(changesOf({ ...ENTRY, before: { source: null }, after: { source: "gta5" } })).toEqual([
    "source: none → gta5",
  ])
})

// @vitest-environment node
import { describe, expect, it, vi } from "vitest"
import { clicked } from "../answer/turns"
import { rulesOf } from "../modes/rules"
import type { DraftStore } from "./kept-drafts"
import { draftsInMemory, labelOf, leaseOf, workspaceWith } from "./workspace.fixture"

describe("a page that is left and opened again", () => {
  const opened = async (drafts: DraftStore, change: Parameters<typeof leaseOf>[1] = {}) =>
    workspaceWith({ drafts, leases: [leaseOf(1, change), leaseOf(2)] })
  const kept = async (drafts: DraftStore) => (await drafts.all()).map((draft) => draft.imageId)

  it("has what was ticked and clicked, with the time that it took", async () => {
    const drafts = draftsInMemory()
    const { workspace, project, look, press } = await opened(drafts)
    look(2000)
    press("Car")
    workspace.edit("click", (sheet) => clicked(sheet, { x: 1.5, y: 2.5 }, rulesOf(project)))
    await vi.waitFor(async () => expect(await kept(drafts)).toEqual([1]))
    const next = await opened(drafts)
    expect(next.isTicked("Car")).toBe(true)
    next.look(500)
    await next.workspace.submit()
    await vi.waitFor(() => expect(next.sent).toHaveLength(1))
    expect(next.sent[0]?.body).toMatchObject({
      present: ["Car"],
      points: [{ category: "Car", x: 1.5, y: 2.5 }],
      timing: { wall_ms: 2500, active_ms: 2500 },
    })
    await vi.waitFor(async () => expect(await kept(drafts)).toEqual([]))
  })

  it("takes back what was restored as one step", async () => {
    const drafts = draftsInMemory()
    const { look, press } = await opened(drafts)
    look()
    press("Car")
    press("Sky")
    await vi.waitFor(async () => expect(await kept(drafts)).toEqual([1]))
    const { workspace, isTicked } = await opened(drafts)
    workspace.undo()
    expect([isTicked("Car"), isTicked("Sky")]).toEqual([false, false])
    await vi.waitFor(async () => expect(await kept(drafts)).toEqual([]))
  })

  it("keeps nothing of what was skipped, or unticked again", async () => {
    const drafts = draftsInMemory()
    const { workspace, look, press } = await opened(drafts)
    look()
    press("Car")
    await workspace.skip("Too dark")
    look()
    for (const _ of ["tick", "untick"]) press("Car")
    await vi.waitFor(async () => expect(await kept(drafts)).toEqual([]))
  })

  it("does not bring back what was said of another answer", async () => {
    const drafts = draftsInMemory()
    const { look, press } = await opened(drafts)
    look()
    press("Car")
    await vi.waitFor(async () => expect(await kept(drafts)).toEqual([1]))
    const { isTicked } = await opened(drafts, { label: labelOf(1, { present: ["Sky"] }) })
    expect([isTicked("Car"), isTicked("Sky")]).toEqual([false, true])
  })
})

// @vitest-environment node
import { describe, expect, it, vi } from "vitest"
import { clicked } from "../answer/turns"
import { rulesOf } from "../modes/rules"
import { imageOf, labelOf, leaseOf, workspaceWith } from "./workspace.fixture"

describe("Workspace", () => {
  it("submits what was said, with the lease and the time since painting, and goes on", async () => {
    const { workspace, project, time, sent, shown, look, press, submit } = await workspaceWith()
    time.ms += 60_000
    look(3000)
    press("Car")
    const at = { x: 12.5, y: 99.5 }
    workspace.edit("click", (sheet) => clicked(sheet, at, rulesOf(project)))
    await submit()
    expect(shown()).toBe(2)
    await vi.waitFor(() => expect(sent).toHaveLength(1))
    expect(sent[0]).toMatchObject({ imageId: 1, imageName: "street 1", projectId: 7 })
    expect(sent[0]?.body).toEqual({
      lease_id: "lease-1",
      present: ["Car"],
      absent: ["Road", "Sky"],
      unsure: [],
      points: [{ category: "Car", x: 12.5, y: 99.5 }],
      tiles: null,
      resolves: false,
      skipped: null,
      prefilled_by: null,
      timing: { wall_ms: 3000, active_ms: 3000, events: [] },
    })
    expect(workspace.snapshot().times).toEqual([3000])
  })

  it("submits nothing of an image that was not painted yet", async () => {
    const { workspace, sent, shown } = await workspaceWith()
    await workspace.submit()
    expect(shown()).toBe(1)
    expect(sent).toEqual([])
    expect(workspace.snapshot().message).toMatchObject({
      text: "This image has only just come. Press again.",
      isShown: true,
    })
  })

  it("lets an image that cannot be shown be skipped", async () => {
    const { workspace, sent, shown } = await workspaceWith()
    await workspace.skip("Cannot be shown")
    await vi.waitFor(() => expect(sent).toHaveLength(1))
    expect(sent[0]?.body.timing).toEqual({ wall_ms: 0, active_ms: 0, events: [] })
    expect(shown()).toBe(2)
  })

  it("submits once when Enter is pressed twice at once", async () => {
    const { workspace, sent, shown, look } = await workspaceWith()
    look()
    await Promise.all([workspace.submit(), workspace.submit()])
    await vi.waitFor(() => expect(sent).toHaveLength(1))
    expect(shown()).toBe(2)
  })

  it("has the next four images loaded in advance, and the last two kept", async () => {
    const { wanted, look, submit } = await workspaceWith()
    for (let round = 0; round < 3; round++) {
      look()
      await submit()
    }
    await vi.waitFor(() => expect(wanted.at(-1)).toEqual([4, 5, 6, 7, 8, 3, 2]))
  })

  it("skips with a reason, which says nothing of the image", async () => {
    const { workspace, sent, look, press } = await workspaceWith()
    look()
    press("Car")
    await workspace.skip("Too dark")
    await vi.waitFor(() => expect(sent).toHaveLength(1))
    const nothing = { present: [], absent: [], points: [] }
    expect(sent[0]?.body).toMatchObject({ skipped: "Too dark", ...nothing })
    expect(workspace.snapshot()).toMatchObject({ times: [], finished: 1 })
  })
})

describe("going back", () => {
  it("corrects an image without its lease and returns to the newest, untouched", async () => {
    const { workspace, sent, shown, look, press, isTicked, submit } = await workspaceWith()
    look()
    press("Car")
    await submit()
    look()
    press("Sky")
    await workspace.back()
    expect(shown()).toBe(1)
    expect(isTicked("Car")).toBe(true)
    look()
    press("Road")
    await submit()
    await vi.waitFor(() => expect(sent).toHaveLength(2))
    expect(sent[1]?.body).toMatchObject({ lease_id: null, present: ["Road", "Car"] })
    expect(shown()).toBe(2)
    expect(isTicked("Sky")).toBe(true)
    expect(workspace.snapshot().times).toHaveLength(1)
  })

  it("sends nothing when nothing was changed", async () => {
    const { workspace, sent, shown, look, submit } = await workspaceWith()
    look()
    await submit()
    await workspace.back()
    look()
    await submit()
    expect(shown()).toBe(2)
    expect(sent).toHaveLength(1)
  })

  it("saves a correction when one goes further back, and takes it back on leaving", async () => {
    const { workspace, sent, shown, look, press, isTicked, submit } = await workspaceWith()
    for (const _ of [1, 2]) {
      look()
      await submit()
    }
    await workspace.back()
    look()
    press("Car")
    await workspace.back()
    expect(shown()).toBe(1)
    await vi.waitFor(() => expect(sent.map((parcel) => parcel.imageId)).toEqual([1, 2, 2]))
    look()
    press("Sky")
    workspace.leave()
    expect(shown()).toBe(3)
    await workspace.back()
    await workspace.back()
    expect(shown()).toBe(1)
    expect(isTicked("Sky")).toBe(false)
    expect(sent).toHaveLength(3)
  })

  it("does not count the time spent on another image", async () => {
    const { workspace, time, sent, look, submit } = await workspaceWith()
    look(1000)
    await submit()
    look(2000)
    await workspace.back()
    look(500)
    time.ms += 6000
    await workspace.forward()
    look(3000)
    await submit()
    await vi.waitFor(() => expect(sent).toHaveLength(2))
    expect(sent[1]?.body.timing.active_ms).toBe(5000)
  })

  it("reaches images of earlier days, with the doubts that were had then", async () => {
    const image = { id: 99, image: imageOf(99), leaseId: null, prefill: null, isBlind: false }
    const task = { ...image, prediction: null }
    const { workspace, shown, look, isTicked } = await workspaceWith({
      past: [{ ...task, label: labelOf(99) }],
    })
    look()
    await workspace.back()
    expect(shown()).toBe(99)
    expect(isTicked("Car")).toBe(true)
    expect(workspace.snapshot().draft?.history.present.presence.Sky).toBe("unsure")
    await workspace.back()
    expect(shown()).toBe(99)
    expect(workspace.snapshot().message.text).toBe("There is no earlier image.")
  })

  it("gives a skipped image its label", async () => {
    const { workspace, sent, look, submit } = await workspaceWith()
    look()
    await workspace.skip("Too dark")
    await workspace.back()
    expect(workspace.snapshot().draft?.skipped).toBe("Too dark")
    look()
    await submit()
    await vi.waitFor(() => expect(sent).toHaveLength(2))
    expect(sent[1]?.body).toMatchObject({ skipped: null, absent: ["Road", "Car", "Sky"] })
  })
})

describe("starting from what is likely", () => {
  const prefill = { by: "12", present: ["Road", "Car"] }

  it("ticks what the server gave, and says by whom", async () => {
    const { workspace, sent, look, press, submit } = await workspaceWith({
      leases: [leaseOf(1, { prefill })],
    })
    const draft = workspace.snapshot().draft
    expect([...(draft?.prefilled ?? [])]).toEqual(["Road", "Car"])
    expect(draft?.history.present.active).toBe("Road")
    look()
    press("Road")
    await submit()
    await vi.waitFor(() => expect(sent).toHaveLength(1))
    expect(sent[0]?.body).toMatchObject({ prefilled_by: "12", present: ["Car"] })
  })

  it("leaves the form empty where nothing was given, and knows a blind image", async () => {
    const { workspace } = await workspaceWith({ leases: [leaseOf(1, { blind: true })] })
    expect(workspace.snapshot().draft?.prefilled.size).toBe(0)
    expect(workspace.snapshot().draft?.prefilledBy).toBeNull()
    expect(workspace.snapshot().task?.isBlind).toBe(true)
  })

  it("starts from one's own earlier label rather than from what is likely", async () => {
    const label = labelOf(1, { present: ["Sky"], absent: [] })
    const { isTicked } = await workspaceWith({ leases: [leaseOf(1, { prefill, label })] })
    expect([isTicked("Sky"), isTicked("Road")]).toEqual([true, false])
  })
})

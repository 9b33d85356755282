import { describe, expect, it } from "vitest"
import { labelOf, leaseOf, workspaceWith } from "./workspace.fixture"

const UNSURE = { present: [], absent: [], unsure: ["Sky"] }

describe("the form of an image that was only swept", () => {
  it("starts from what was said, and from what is likely of the rest", async () => {
    const said = labelOf(1, { ...UNSURE, absent: ["Road"], partial: true })
    const prefill = { by: "4", present: ["Road", "Car", "Sky"] }
    const { workspace, sent, look } = await workspaceWith({
      leases: [leaseOf(1, { label: said, prefill })],
    })
    look()
    expect([...(workspace.snapshot().draft?.prefilled ?? [])]).toEqual(["Car"])
    await workspace.submit()
    expect(sent[0]?.body).toMatchObject({ present: ["Car"], absent: ["Road"], unsure: ["Sky"] })
  })

  it("starts from one's own label of the whole image alone", async () => {
    const said = labelOf(1, { ...UNSURE, absent: ["Road", "Car"] })
    const prefill = { by: "4", present: ["Car"] }
    const { workspace, isTicked } = await workspaceWith({
      leases: [leaseOf(1, { label: said, prefill })],
    })
    expect(isTicked("Car")).toBe(false)
    expect(workspace.snapshot().draft?.prefilledBy).toBeNull()
  })
})

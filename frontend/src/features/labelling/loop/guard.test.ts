// @vitest-environment node
import { describe, expect, it, vi } from "vitest"
import { Guard } from "./guard"
import { leaseOf, projectWith, workspaceWith } from "./workspace.fixture"

const LEAST = 400

/** The same numbers from 0 to 1 each time, by xorshift. */
function numbersFrom(seed: number): () => number {
  let state = seed * 2_654_435_761 + 1
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

const TOUCHED = { isTouched: true, isEmpty: false }
const PREFILLED = { isTouched: false, isEmpty: false }
const EMPTY = { isTouched: false, isEmpty: true }

describe("Guard", () => {
  const guarded = (leastMs = LEAST) => {
    const time = { ms: 0 }
    return { guard: new Guard(() => time.ms, leastMs), time }
  }

  it("takes a press for what has been seen long enough, and not before it can be seen", () => {
    const { guard, time } = guarded()
    expect(guard.press(TOUCHED)).toBe("early")
    guard.show()
    time.ms = LEAST - 1
    guard.show()
    expect(guard.press(TOUCHED)).toBe("early")
    time.ms = LEAST
    expect(guard.press(TOUCHED)).toBe("meant")
    guard.hide()
    guard.restart()
    expect(guard.press(TOUCHED)).toBe("early")
  })

  it.each([PREFILLED, EMPTY])("takes none of a key that repeats in presses: %j", (form) => {
    const { guard, time } = guarded()
    guard.show()
    for (; time.ms < 5000; time.ms += 33) expect(guard.press(form)).toBe("early")
    time.ms += LEAST
    expect(guard.press(form)).not.toBe("early")
  })

  it("asks once about an empty form, and anew once something else stands there", () => {
    const { guard, time } = guarded()
    const press = () => {
      time.ms += LEAST
      return guard.press(EMPTY)
    }
    guard.show()
    expect([press(), press()]).toEqual(["ask", "meant"])
    guard.hide()
    guard.show()
    expect(press()).toBe("ask")
    time.ms += LEAST - 1
    expect(guard.press(EMPTY)).toBe("ask")
  })

  it("only asks where a project wants no shortest look", () => {
    const { guard } = guarded(0)
    guard.show()
    expect([guard.press(PREFILLED), guard.press(EMPTY), guard.press(EMPTY)]).toEqual([
      "meant",
      "ask",
      "meant",
    ])
  })
})

/** A workspace of a project with the usual shortest look, and how images of it come and go. */
async function watched(leases = Array.from({ length: 30 }, (_, index) => leaseOf(index + 1))) {
  const project = projectWith({ min_view_ms: LEAST })
  const desk = await workspaceWith({ project, leases })
  const seenSince = new Map<number, number>()
  /** The image is on the screen some time after it came. */
  const paint = () => {
    const id = desk.shown() ?? 0
    if (!seenSince.has(id)) seenSince.set(id, desk.time.ms)
    desk.workspace.painted(id)
  }
  return { ...desk, paint, seenSince }
}

describe("a second press", () => {
  it.each([10, 60, 110, 190, 350])("%i ms later labels no other image", async (gap) => {
    const { workspace, time, sent, shown, paint, press } = await watched()
    paint()
    time.ms += 2000
    press("Car")
    await workspace.submit()
    time.ms += Math.min(gap, 5)
    paint()
    time.ms += gap - Math.min(gap, 5)
    await workspace.submit()
    expect(shown()).toBe(2)
    await vi.waitFor(() => expect(sent.map((parcel) => parcel.imageId)).toEqual([1]))
    expect(workspace.snapshot().message).toMatchObject({ isShown: true })
    expect(workspace.snapshot().message.text).toContain("only just come")
  })

  it("labels no image that comes back with what was ticked on it before", async () => {
    const { workspace, time, sent, shown, paint, press } = await watched()
    paint()
    time.ms += 2000
    press("Car")
    await workspace.submit()
    paint()
    time.ms += 2000
    press("Sky")
    await workspace.back()
    paint()
    time.ms += 2000
    press("Road")
    await workspace.submit()
    time.ms += 20
    await workspace.submit()
    paint()
    time.ms += 100
    await workspace.submit()
    expect(shown()).toBe(2)
    await vi.waitFor(() => expect(sent.map((parcel) => parcel.imageId)).toEqual([1, 1]))
  })

  it("waits again when something else is asked of the same image", async () => {
    const { workspace, time, sent, paint, press } = await watched()
    paint()
    time.ms += 2000
    press("Car")
    workspace.askAnew()
    time.ms += 100
    await workspace.submit()
    expect(sent).toEqual([])
    time.ms += LEAST
    await workspace.submit()
    await vi.waitFor(() => expect(sent).toHaveLength(1))
  })

  const seeds = Array.from({ length: 60 }, (_, index) => index + 1)

  it.each(seeds)("never labels what nobody has seen for long enough (seed %i)", async (seed) => {
    const random = numbersFrom(seed)
    const isOften = (share: number) => random() < share
    const { workspace, time, sent, shown, paint, press, seenSince } = await watched()
    const seenFor = (id: number) => time.ms - (seenSince.get(id) ?? Number.POSITIVE_INFINITY)
    const act = async () => {
      time.ms += random() * (isOften(0.2) ? 3000 : 250)
      if (isOften(0.7)) paint()
      if (isOften(0.2)) press("Car")
      await workspace.submit()
    }
    for (let step = 0; step < 40; step++) {
      const id = shown() ?? 0
      await act()
      if (shown() !== id) expect(seenFor(id), `image ${id}`).toBeGreaterThanOrEqual(LEAST)
    }
    expect(sent.length).toBeGreaterThan(0)
    const labelled = sent.map((parcel) => parcel.imageId)
    expect(new Set(labelled).size).toBe(labelled.length)
  })
})

describe("an empty form", () => {
  it("is saved by a second press that can be told from the first", async () => {
    const { workspace, time, sent, shown, paint } = await watched()
    paint()
    time.ms += 2000
    await workspace.submit()
    expect(workspace.snapshot()).toMatchObject({ isAsked: true })
    expect(workspace.snapshot().message.text).toBe(
      "Nothing is ticked: this says all 3 categories are absent. Press Enter again to save.",
    )
    time.ms += 190
    await workspace.submit()
    expect([shown(), sent.length]).toEqual([1, 0])
    time.ms += LEAST
    await workspace.submit()
    await vi.waitFor(() => expect(sent).toHaveLength(1))
    expect(sent[0]?.body).toMatchObject({ present: [], absent: ["Road", "Car", "Sky"] })
    expect(workspace.snapshot()).toMatchObject({ isAsked: false })
  })

  it("is asked for again once something was said of it, or another image was shown", async () => {
    const { workspace, time, sent, paint, press } = await watched()
    paint()
    time.ms += 2000
    await workspace.submit()
    press("Car")
    press("Car")
    expect(workspace.snapshot().isAsked).toBe(false)
    time.ms += LEAST
    await workspace.submit()
    expect(workspace.snapshot().isAsked).toBe(true)
    await workspace.skip("Too dark")
    expect(workspace.snapshot().isAsked).toBe(false)
    await vi.waitFor(() => expect(sent).toHaveLength(1))
  })

  it("asks nothing where the person took away what was ticked at the start", async () => {
    const prefill = { by: "12", present: ["Car"] }
    const { workspace, time, sent, paint, press } = await watched([leaseOf(1, { prefill })])
    paint()
    time.ms += 2000
    press("Car")
    await workspace.submit()
    await vi.waitFor(() => expect(sent[0]?.body).toMatchObject({ present: [] }))
  })

  it("asks nothing where what was ticked at the start is confirmed", async () => {
    const prefill = { by: "12", present: ["Car"] }
    const { workspace, time, sent, paint } = await watched([leaseOf(1, { prefill })])
    paint()
    time.ms += 2000
    await workspace.submit()
    await vi.waitFor(() => expect(sent[0]?.body).toMatchObject({ present: ["Car"] }))
  })

  it("asks as well before a skipped image becomes one with nothing on it", async () => {
    const { workspace, time, sent, paint } = await watched()
    paint()
    await workspace.skip("Too dark")
    await workspace.back()
    paint()
    time.ms += 2000
    await workspace.submit()
    expect(workspace.snapshot()).toMatchObject({ isAsked: true, stepsBack: 1 })
    expect(sent.filter((parcel) => parcel.body.skipped === null)).toEqual([])
  })
})

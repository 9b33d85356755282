// @vitest-environment node
import { describe, expect, it } from "vitest"
import { EMPTY_SHEET, presenceOf } from "../answer/sheet"
import { clicked, refuted, settled } from "../answer/turns"
import { inTwoSteps, pressed } from "./rules.fixture"

describe("tags, then points", () => {
  const ticked = ["Car", "Sky"].reduce((now, name) => pressed(now, name, inTwoSteps), EMPTY_SHEET)
  const started = settled(ticked, inTwoSteps)

  it("give no turn before the tags are settled", () => {
    expect(ticked.active).toBeNull()
    expect(clicked(ticked, { x: 1, y: 1 }, inTwoSteps)).toBe(ticked)
    expect(inTwoSteps.mode.isBeforePoints(ticked)).toBe(true)
    expect(inTwoSteps.mode.isBeforePoints(EMPTY_SHEET)).toBe(false)
    expect(inTwoSteps.mode.isBeforePoints(started)).toBe(false)
  })

  it("then bring up each present category in turn", () => {
    expect(started.active).toBe("Sky")
    const onSky = clicked(started, { x: 1, y: 1 }, inTwoSteps)
    expect(onSky.active).toBe("Car")
    expect(clicked(onSky, { x: 2, y: 2 }, inTwoSteps).active).toBeNull()
  })

  it("let a category be refuted, and the next has the turn", () => {
    const refutedSky = refuted(started, inTwoSteps)
    expect(presenceOf(refutedSky, "Sky")).toBe("absent")
    expect(refutedSky.active).toBe("Car")
    expect(refuted(EMPTY_SHEET, inTwoSteps)).toBe(EMPTY_SHEET)
  })

  it("step back point by point, and then to the tags", () => {
    const onSky = clicked(started, { x: 1, y: 1 }, inTwoSteps)
    const back = inTwoSteps.mode.steppedBack(onSky)
    expect([back.points, back.active]).toEqual([[], "Sky"])
    const tags = inTwoSteps.mode.steppedBack(back)
    expect([tags.isSettled, tags.active]).toEqual([false, null])
    expect(presenceOf(tags, "Car")).toBe("present")
  })
})

describe("what a person is told", () => {
  const { mode } = inTwoSteps
  const ticked = pressed(EMPTY_SHEET, "Car", inTwoSteps)
  const started = settled(ticked, inTwoSteps)
  const placed = clicked(started, { x: 1, y: 1 }, inTwoSteps)

  it("is the step that comes next", () => {
    expect([ticked, started].map(mode.hint)).toEqual([
      "Tick what is there; the points come after Enter.",
      "Click each category on the image in turn.",
    ])
    expect([ticked, started, placed].map(mode.turn)).toEqual([
      "Tick what is there",
      "Click Car",
      "All points placed",
    ])
    expect([ticked, placed].map(mode.noTurn)).toEqual([
      "First tick what is there, then Enter.",
      "All points are placed. Press a category for one more.",
    ])
  })
})

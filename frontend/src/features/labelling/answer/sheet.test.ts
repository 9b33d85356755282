// @vitest-environment node
import { describe, expect, it } from "vitest"
import { inTiles, inTwoSteps, press, tagsOnly, withPoints } from "./rules.fixture"
import {
  clicked,
  doubted,
  EMPTY_SHEET,
  isBeforePoints,
  moved,
  pointsOf,
  presenceOf,
  pressed,
  refuted,
  type Sheet,
  selected,
  settled,
  steppedBack,
  tiled,
  tilesOf,
  wouldTakePoints,
} from "./sheet"

const click = (sheet: Sheet, x: number, y: number) => clicked(sheet, { x, y }, withPoints)

describe("tags", () => {
  it("are absent until pressed, and absent again when pressed twice", () => {
    const once = pressed(EMPTY_SHEET, "Car", tagsOnly)
    expect(presenceOf(EMPTY_SHEET, "Car")).toBe("absent")
    expect(presenceOf(once, "Car")).toBe("present")
    expect(presenceOf(pressed(once, "Car", tagsOnly), "Car")).toBe("absent")
    expect(once.active).toBeNull()
  })

  it("go from unsure to present, and from unsure to absent", () => {
    const unsure = doubted(EMPTY_SHEET, "Car", tagsOnly)
    expect(presenceOf(unsure, "Car")).toBe("unsure")
    expect(presenceOf(pressed(unsure, "Car", tagsOnly), "Car")).toBe("present")
    expect(presenceOf(doubted(unsure, "Car", tagsOnly), "Car")).toBe("absent")
  })
})

describe("points", () => {
  it("are not placed when it is nobody's turn", () => {
    expect(click(EMPTY_SHEET, 1, 1)).toBe(EMPTY_SHEET)
  })

  it("can be several of one category", () => {
    const once = click(press(EMPTY_SHEET, "Car"), 1, 1)
    const twice = click(press(once, "Car"), 2, 2)
    expect(pointsOf(twice, "Car").map((point) => [point.id, point.x])).toEqual([
      [1, 1],
      [2, 2],
    ])
  })

  it("go with their category when it is unticked or doubted", () => {
    const placed = click(press(EMPTY_SHEET, "Car"), 1, 1)
    expect(press(placed, "Car", "Car").points).toEqual([])
    expect(doubted(placed, "Car", withPoints).points).toEqual([])
  })

  it("hand the turn on when the active category is unticked", () => {
    const sheet = press(EMPTY_SHEET, "Sky", "Car", "Car")
    expect(presenceOf(sheet, "Car")).toBe("absent")
    expect(sheet.active).toBe("Sky")
  })

  it("are removed from the last or from the selected, whose turn it then is", () => {
    let sheet = press(EMPTY_SHEET, "Sky", "Road")
    sheet = click(click(sheet, 1, 1), 2, 2)
    const last = steppedBack(selected(sheet, null), withPoints)
    expect(last.points.map((point) => point.category)).toEqual(["Sky"])
    expect(last.active).toBe("Road")
    const chosen = steppedBack(selected(sheet, 1), withPoints)
    expect(chosen.points.map((point) => point.category)).toEqual(["Road"])
    expect(chosen.active).toBe("Sky")
    expect(steppedBack(EMPTY_SHEET, withPoints)).toBe(EMPTY_SHEET)
  })

  it("move alone", () => {
    const sheet = click(click(press(EMPTY_SHEET, "Sky", "Road"), 1, 1), 2, 2)
    expect(moved(sheet, 2, { x: 9, y: 8 }).points).toEqual([
      { id: 1, category: "Sky", x: 1, y: 1 },
      { id: 2, category: "Road", x: 9, y: 8 },
    ])
  })
})

describe("several points a category", () => {
  const three = { ...withPoints, pointsPerCategory: 3 }

  it("keep the turn until there are enough", () => {
    let sheet = pressed(pressed(EMPTY_SHEET, "Car", three), "Sky", three)
    const order: (string | null)[] = []
    for (let turn = 0; turn < 6; turn++) {
      order.push(sheet.active)
      sheet = clicked(sheet, { x: turn, y: turn }, three)
    }
    expect(order).toEqual(["Car", "Car", "Car", "Sky", "Sky", "Sky"])
    expect(sheet.active).toBeNull()
  })
})

describe("a held key", () => {
  it("tags and points at once, whoever has the turn", () => {
    const sheet = clicked(press(EMPTY_SHEET, "Sky"), { x: 1, y: 2 }, withPoints, "Car")
    expect(presenceOf(sheet, "Car")).toBe("present")
    expect(sheet.points).toEqual([{ id: 1, category: "Car", x: 1, y: 2 }])
    expect(sheet.active).toBe("Sky")
    const chosen = press(EMPTY_SHEET, "Sky", "Road", "Pole", "Road")
    expect(clicked(chosen, { x: 1, y: 2 }, withPoints, "Car").active).toBe("Road")
  })

  it("waits with what would take points away", () => {
    const placed = { ...click(press(EMPTY_SHEET, "Car"), 1, 1), active: "Car" }
    expect(wouldTakePoints(placed, "Car", withPoints)).toBe(true)
    expect(wouldTakePoints(placed, "Sky", withPoints)).toBe(false)
    expect(wouldTakePoints(press(EMPTY_SHEET, "Car"), "Car", withPoints)).toBe(false)
  })
})

describe("tags, then points", () => {
  const ticked = ["Car", "Sky"].reduce((now, name) => pressed(now, name, inTwoSteps), EMPTY_SHEET)
  const started = settled(ticked, inTwoSteps)

  it("give no turn before the tags are settled", () => {
    expect(ticked.active).toBeNull()
    expect(clicked(ticked, { x: 1, y: 1 }, inTwoSteps)).toBe(ticked)
    expect(isBeforePoints(ticked, inTwoSteps)).toBe(true)
    expect(isBeforePoints(EMPTY_SHEET, inTwoSteps)).toBe(false)
    expect(isBeforePoints(started, inTwoSteps)).toBe(false)
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
    const back = steppedBack(onSky, inTwoSteps)
    expect([back.points, back.active]).toEqual([[], "Sky"])
    const tags = steppedBack(back, inTwoSteps)
    expect([tags.isSettled, tags.active]).toEqual([false, null])
    expect(presenceOf(tags, "Car")).toBe("present")
  })
})

describe("tiles", () => {
  const chosen = pressed(EMPTY_SHEET, "Car", inTiles)

  it("belong to the category that was pressed, which its key alone does not tick", () => {
    expect([chosen.active, presenceOf(chosen, "Car")]).toEqual(["Car", "absent"])
    expect(pressed(chosen, "Car", inTiles).active).toBeNull()
    const sheet = tiled(tiled(chosen, [4, 1], true), [1, 0], true)
    expect(tilesOf(sheet, "Car")).toEqual([0, 1, 4])
    expect(presenceOf(sheet, "Car")).toBe("present")
    expect(tiled(EMPTY_SHEET, [1], true)).toBe(EMPTY_SHEET)
  })

  it("make it absent again with the last one", () => {
    const sheet = tiled(tiled(chosen, [1], true), [1], false)
    expect([tilesOf(sheet, "Car"), presenceOf(sheet, "Car")]).toEqual([[], "absent"])
    const cleared = steppedBack(tiled(chosen, [1, 2], true), inTiles)
    expect([tilesOf(cleared, "Car"), cleared.active]).toEqual([[], "Car"])
  })

  it("go when the category is doubted, and end the doubt", () => {
    const unsure = doubted(tiled(chosen, [1], true), "Car", inTiles)
    expect([tilesOf(unsure, "Car"), presenceOf(unsure, "Car")]).toEqual([[], "unsure"])
    const again = tiled({ ...unsure, active: "Car" }, [2], true)
    expect(presenceOf(again, "Car")).toBe("present")
  })

  it("change nothing when they are so already", () => {
    const sheet = tiled(chosen, [1, 2], true)
    expect(tiled(sheet, [2], true)).toBe(sheet)
    expect(tiled(sheet, [5], false)).toBe(sheet)
  })
})

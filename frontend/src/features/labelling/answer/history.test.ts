// @vitest-environment node
import { describe, expect, it } from "vitest"
import { changed, redone, revised, startHistory, undone } from "./history"

describe("history", () => {
  it("goes back and forth", () => {
    let history = startHistory("a")
    history = changed(history, "b", "tick", 0)
    history = changed(history, "c", "tick", 1000)
    history = undone(history)
    expect(history.present).toBe("b")
    history = undone(history)
    expect(history.present).toBe("a")
    history = redone(redone(history))
    expect(history.present).toBe("c")
  })

  it("makes one step of a drag", () => {
    let history = startHistory(0)
    for (let step = 1; step <= 50; step++) history = changed(history, step, "move 7", step * 16)
    expect(history.present).toBe(50)
    expect(undone(history).present).toBe(0)
  })

  it("makes two steps of two drags with a rest between", () => {
    let history = changed(startHistory(0), 1, "move 7", 0)
    history = changed(history, 2, "move 7", 251)
    expect(undone(history).present).toBe(1)
  })

  it("never merges different kinds", () => {
    let history = changed(startHistory(0), 1, "move 7", 0)
    history = changed(history, 2, "move 8", 5)
    expect(undone(history).present).toBe(1)
  })

  it("does not merge into a step that was undone", () => {
    let history = changed(startHistory(0), 1, "move 7", 0)
    history = changed(history, 2, "tick", 1)
    history = changed(undone(history), 3, "move 7", 2)
    expect(undone(history).present).toBe(1)
  })

  it("forgets what was undone once something else is done", () => {
    let history = changed(startHistory("a"), "b", "tick", 0)
    history = changed(undone(history), "c", "tick", 1000)
    expect(redone(history).present).toBe("c")
  })

  it("makes no step of a revision", () => {
    const history = changed(startHistory({ said: "a", seen: 1 }), { said: "b", seen: 1 }, "tick", 0)
    const looked = revised(history, { said: "b", seen: 2 })
    expect(looked.present).toEqual({ said: "b", seen: 2 })
    expect(undone(looked).present).toEqual({ said: "a", seen: 1 })
    expect(revised(looked, looked.present)).toBe(looked)
  })

  it("takes no step when nothing changes or nothing is left", () => {
    const history = startHistory("a")
    expect(changed(history, "a", "tick", 0)).toBe(history)
    expect(undone(history)).toBe(history)
    expect(redone(history)).toBe(history)
  })
})

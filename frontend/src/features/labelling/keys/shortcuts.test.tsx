import { act, cleanup, renderHook } from "@testing-library/react"
import { afterEach, describe, expect, it, vi } from "vitest"
import { useShortcuts } from "@/lib/commands"
import { categoryKeys } from "./answer-keys"
import { COMMANDS, labellingCommands } from "./commands"

const categories = [{ id: 1, name: "Car", color: "#000000", key: "c" }]

function listening(isOn = true) {
  const handlers = { hold: vi.fn(), letGo: vi.fn(), doubt: vi.fn() }
  const [run, release] = [vi.fn(), vi.fn()]
  const actions = COMMANDS.map(({ id }) => [id, { run: () => run(id), release: () => release(id) }])
  const commands = labellingCommands(categories, Object.fromEntries(actions))
  const shortcuts = [...Object.values(commands), ...categoryKeys(categories, handlers)]
  renderHook(() => useShortcuts(shortcuts, isOn))
  return { ...handlers, run, release }
}

function press(key: string, init: KeyboardEventInit = {}, target: EventTarget = document.body) {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...init })
  act(() => void target.dispatchEvent(event))
  return event
}

function inside(html: string): Element {
  document.body.innerHTML = html
  return document.body.firstElementChild as Element
}

afterEach(() => {
  cleanup()
  document.body.innerHTML = ""
})

describe("useShortcuts", () => {
  it("ticks, doubts and runs commands, and keeps the browser out of it", () => {
    const { hold, doubt, run } = listening()
    expect(press("c").defaultPrevented).toBe(true)
    press("C", { shiftKey: true })
    press("Enter")
    expect(hold).toHaveBeenCalledWith("Car")
    expect(doubt).toHaveBeenCalledWith("Car")
    expect(run).toHaveBeenCalledWith("submit")
  })

  it("leaves to the browser what it does not know", () => {
    const { run } = listening()
    expect(press("t", { ctrlKey: true }).defaultPrevented).toBe(false)
    expect(press("Tab").defaultPrevented).toBe(false)
    expect(run).not.toHaveBeenCalled()
  })

  it("does not repeat what would do harm", () => {
    const { hold, run } = listening()
    press("c", { repeat: true })
    press("Enter", { repeat: true })
    press("ArrowUp", { repeat: true })
    expect(hold).not.toHaveBeenCalled()
    expect(run.mock.calls).toEqual([["stronger"]])
  })

  it("holds while the key is down", () => {
    const { run, release } = listening()
    press(",", { code: "Comma" })
    expect(run).toHaveBeenCalledWith("hide")
    window.dispatchEvent(new KeyboardEvent("keyup", { key: ",", code: "Comma" }))
    expect(release).toHaveBeenCalledWith("hide")
    press(",", { code: "Comma" })
    window.dispatchEvent(new Event("blur"))
    expect(release).toHaveBeenCalledTimes(2)
  })

  it("says when a category's key is let go, so that a click meanwhile is known for its", () => {
    const { hold, letGo } = listening()
    press("c", { code: "KeyC" })
    press("c", { code: "KeyC", repeat: true })
    expect(hold).toHaveBeenCalledTimes(1)
    expect(letGo).not.toHaveBeenCalled()
    window.dispatchEvent(new KeyboardEvent("keyup", { key: "c", code: "KeyC" }))
    expect(letGo).toHaveBeenCalledExactlyOnceWith("Car", true)
    press("c", { code: "KeyC" })
    window.dispatchEvent(new Event("blur"))
    expect(letGo).toHaveBeenLastCalledWith("Car", false)
  })

  it("does not take letters out of a text", () => {
    const { hold } = listening()
    const event = press("c", {}, inside("<input type='text' />"))
    expect(event.defaultPrevented).toBe(false)
    expect(hold).not.toHaveBeenCalled()
  })

  it("leaves arrows to a slider and Enter to a button that has the focus", () => {
    const { run, hold } = listening()
    const slider = inside("<input type='range' />")
    press("ArrowUp", {}, slider)
    press("c", {}, slider)
    press("Enter", {}, inside("<button>Help</button>"))
    expect(run).not.toHaveBeenCalled()
    expect(hold).toHaveBeenCalledTimes(1)
  })

  it("is silent while a dialog is open", () => {
    const { hold } = listening(false)
    press("c")
    expect(hold).not.toHaveBeenCalled()
  })
})

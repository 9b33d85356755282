import { describe, expect, it, vi } from "vitest"
import { shortcutFor } from "@/lib/commands"
import { SWEEP_COMMANDS, sweepCommands } from "./commands"
import type { Sweep } from "./sweep"

const commands = sweepCommands({
  sweep: {} as Sweep,
  grid: { current: null },
  flag: () => undefined,
  showHelp: () => undefined,
  showRules: () => undefined,
})

const press = (key: string, init: KeyboardEventInit = {}, target: Element = document.body) => {
  const event = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true, ...init })
  // The stand-in for a browser takes every Alt for AltGr.
  vi.spyOn(event, "getModifierState").mockReturnValue(false)
  target.dispatchEvent(event)
  return shortcutFor(event, Object.values(commands))?.id ?? null
}

const inside = (html: string) => {
  document.body.innerHTML = html
  return document.body.firstElementChild as Element
}

describe("the keys of a sweep", () => {
  it("are each of one command", () => {
    const keys = SWEEP_COMMANDS.flatMap((command) => command.keys)
    expect(new Set(keys).size).toBe(keys.length)
  })

  it("mean their commands", () => {
    expect(press(" ")).toBe("mark")
    expect(press("Enter")).toBe("submit")
    expect(press("U", { shiftKey: false })).toBe("doubt")
    expect(press("PageUp")).toBe("back")
    expect(press("_", { shiftKey: true })).toBe("rules")
    expect(press("r")).toBe("rules")
    expect(press(":", { shiftKey: true })).toBe("flag")
    expect(press("w")).toBe("flag")
    expect(press("x")).toBeNull()
    expect(commands.flip.keys[0]).toBe("f")
  })

  it("shadow none of the browser's", () => {
    expect(press("f", { ctrlKey: true })).toBeNull()
    expect(press("ArrowLeft", { altKey: true })).toBeNull()
  })

  it("leave a button and a link what presses them, but not an image", () => {
    expect(press("Enter", {}, inside("<button>Save</button>"))).toBeNull()
    expect(press(" ", {}, inside("<a href='/'>Leave</a>"))).toBeNull()
    expect(press("u", {}, inside("<button>Save</button>"))).toBe("doubt")
    expect(press("Enter", {}, inside("<button data-tile>scene</button>"))).toBe("submit")
    expect(press("u", {}, inside("<input>"))).toBeNull()
  })

  it("repeat only where they move", () => {
    expect(commands.right.repeats).toBe(true)
    expect(commands.submit.repeats).toBeFalsy()
  })
})

import { expect, test } from "vitest"
import { shortcutFor } from "@/lib/commands"
import { pressed } from "@/lib/keys.fixture"
import { reviewShortcuts } from "./review-keys"

const KEYS = { Car: "c", Bus: "b" }

/** What a press does; null when it is nothing of ours. */
function commandOf(event: KeyboardEvent, keys: Record<string, string>) {
  const done: unknown[] = []
  const shortcuts = reviewShortcuts(keys, {
    take: (person) => done.push({ kind: "take", person }),
    submit: () => done.push({ kind: "submit" }),
    later: () => done.push({ kind: "later" }),
    turn: (category) => done.push({ kind: "answer", category }),
  })
  shortcutFor(event, shortcuts)?.run()
  return done[0] ?? null
}

const press = (key: string, target: EventTarget | null = null) =>
  commandOf(pressed(key, { target }), KEYS)

test.each([
  ["ArrowLeft", { kind: "take", person: 0 }],
  ["ArrowRight", { kind: "take", person: 1 }],
  ["Enter", { kind: "submit" }],
  [".", { kind: "later" }],
  ["c", { kind: "answer", category: "Car" }],
  ["B", { kind: "answer", category: "Bus" }],
  ["x", null],
  ["Tab", null],
])("%s", (key, command) => {
  expect(press(key)).toEqual(command)
})

test("Enter presses the button that has the focus", () => {
  expect(press("Enter", document.createElement("button"))).toBeNull()
  expect(press("c", document.createElement("button"))).toEqual({ kind: "answer", category: "Car" })
})

test("who writes is not listened to", () => {
  expect(press("c", document.createElement("input"))).toBeNull()
})

test("a keyboard with other letters or digits", () => {
  const with1 = { ...KEYS, Tram: "1" }
  const answer = (category: string) => ({ kind: "answer", category })
  expect(commandOf(pressed("с", { code: "KeyC" }), KEYS)).toEqual(answer("Car"))
  expect(commandOf(pressed("&", { code: "Digit1" }), with1)).toEqual(answer("Tram"))
  expect(commandOf(pressed("ю", { code: "Period" }), KEYS)).toEqual({ kind: "later" })
})

test("neither chords nor an input method are listened to", () => {
  expect(commandOf(pressed("c", { ctrlKey: true }), KEYS)).toBeNull()
  expect(commandOf(pressed("Enter", { isComposing: true }), KEYS)).toBeNull()
})

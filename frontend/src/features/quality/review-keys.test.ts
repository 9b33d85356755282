import { expect, test } from "vitest"
import { pressed } from "@/lib/keys.fixture"
import { commandOf } from "./review-keys"

const KEYS = { Car: "c", Bus: "b" }
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

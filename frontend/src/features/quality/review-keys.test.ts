import { expect, test } from "vitest"
import { commandOf } from "./review-keys"

const KEYS = { Car: "c", Bus: "b" }
const press = (key: string, target: EventTarget | null = null) => commandOf({ key, target }, KEYS)

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

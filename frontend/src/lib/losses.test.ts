// @vitest-environment node
import { afterEach, expect, it, vi } from "vitest"
import {
  allLosses,
  isAnythingLost,
  isSignedOut,
  noteLoss,
  noteSignedIn,
  onLosses,
  staysSignedOut,
} from "./losses"

afterEach(() => {
  for (const id of ["a", "b"]) noteLoss(id, null)
})

it("knows all that would be lost until it is not any more", () => {
  const listener = vi.fn()
  const stop = onLosses(listener)
  noteLoss("a", "Settings.")
  noteLoss("b", "Rules.")
  expect(allLosses()).toBe("Settings.\nRules.")
  noteLoss("a", null)
  expect(isAnythingLost()).toBe(true)
  noteLoss("b", null)
  expect(isAnythingLost()).toBe(false)
  expect(listener).toHaveBeenCalledTimes(4)
  stop()
  noteLoss("a", "Settings.")
  expect(listener).toHaveBeenCalledTimes(4)
})

it("keeps a page whose session has ended for as long as something on it would be lost", () => {
  expect(staysSignedOut()).toBe(false)
  expect(isSignedOut()).toBe(false)
  noteLoss("a", "Settings.")
  expect(staysSignedOut()).toBe(true)
  expect(isSignedOut()).toBe(true)
  noteSignedIn()
  expect(isSignedOut()).toBe(false)
  expect(staysSignedOut()).toBe(true)
  noteLoss("a", null)
  expect(isSignedOut()).toBe(false)
})

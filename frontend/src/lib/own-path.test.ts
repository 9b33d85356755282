import { expect, test } from "vitest"
import { isOwnPath } from "./own-path"

test.each(["/", "/projects/3/images?state=rejected", "/projects/1/runs/7#losses"])(
  "%s is ours",
  (address) => {
    expect(isOwnPath(address)).toBe(true)
  },
)

test.each([
  "https://elsewhere.example/",
  "//elsewhere.example/",
  "/\\elsewhere.example/",
  "/\t/elsewhere.example",
  "javascript:alert(1)",
  "projects",
  "",
])("%j is not followed", (address) => {
  expect(isOwnPath(address)).toBe(false)
})

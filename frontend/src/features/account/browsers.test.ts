import { expect, test } from "vitest"
import { browserName } from "./browsers"

const CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140"

test("a browser is called by its name and its system", () => {
  expect(browserName(`${CHROME} Safari/537.36`)).toBe("Chrome on Linux")
  expect(browserName(`${CHROME} Safari/537.36 Edg/140.0`)).toBe("Edge on Linux")
  expect(browserName("Mozilla/5.0 (iPhone; CPU like Mac OS X) Version/18 Safari/604.1")).toBe(
    "Safari on iPhone",
  )
  expect(browserName("curl/8.5")).toBe("curl/8.5")
  expect(browserName(null)).toBe("Unknown")
})

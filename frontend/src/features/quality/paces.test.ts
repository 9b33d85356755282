import { expect, test } from "vitest"
import type { Pace } from "@/api/people"
import { formatSeconds, pacesBy, personOf, placeOf } from "./paces"

const pace = (change: Partial<Pace>): Pace => ({
  annotator: "a7",
  email: "anna@example.org",
  by: "all",
  value: "",
  images: 1,
  answers: 2,
  per_image: { median: 4, mean: 5, p90: 9 },
  per_answer: null,
  right: null,
  ...change,
})

test("a person is called by address, or by pseudonym where that is asked for or all there is", () => {
  expect(personOf(pace({}), false)).toBe("anna@example.org")
  expect(personOf(pace({}), true)).toBe("a7")
  expect(personOf(pace({ email: null }), false)).toBe("a7")
  expect(personOf(pace({ annotator: null }), false)).toBe("Everybody")
})

test("one dimension is shown of everybody or of one person, people side by side", () => {
  const rows = [
    pace({ annotator: null }),
    pace({}),
    pace({ annotator: null, by: "kind", value: "tags" }),
    pace({ by: "kind", value: "points" }),
  ]
  expect(pacesBy(rows, "all", "a7")).toEqual([rows[0], rows[1]])
  expect(pacesBy(rows, "kind", "")).toEqual([rows[2]])
  expect(pacesBy(rows, "kind", "a7")).toEqual([rows[3]])
})

test("values and times in words", () => {
  expect(placeOf(pace({ by: "start", value: "prefilled" }))).toBe("pre-filled")
  expect(placeOf(pace({ by: "category", value: "blind" }))).toBe("blind")
  expect([formatSeconds(4.25), formatSeconds(undefined)]).toEqual(["4.3 s", "–"])
})

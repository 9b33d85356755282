import { expect, test } from "vitest"
import type { Project } from "@/api/projects"
import { draftCategories } from "./category-draft"
import {
  afterSaving,
  checkProject,
  EMPTY_PROJECT,
  type ProjectDraft,
  toChange,
  toDraft,
  toProject,
} from "./project-draft"

const draft: ProjectDraft = {
  ...EMPTY_PROJECT,
  name: " Streets ",
  categories: draftCategories(["Car"]),
  overlap: "2",
}

test("a complete draft has no problems and becomes a request", () => {
  expect(checkProject(draft)).toEqual({})
  expect(toProject(draft)).toMatchObject({
    name: "Streets",
    overlap: 2,
    retrain_after: null,
    points_per_category: 1,
    blind_share: 0.1,
    gold_share: 0.02,
    min_view_ms: 400,
    idle_after_s: 10,
    categories: [{ name: "Car", key: "c" }],
  })
})

test("problems are found before the server is asked", () => {
  const wrong: ProjectDraft = {
    ...draft,
    name: "  ",
    pointsPerCategory: "11",
    tileRows: "0",
    blindPercent: "101",
    goldPercent: "50.1",
    retrainAfter: "0",
    stopBelow: "0",
    overlap: "11",
    minView: "10001",
    idleAfter: "121",
    categories: [],
  }
  expect(Object.keys(checkProject(wrong)).sort()).toEqual([
    "blindPercent",
    "categories",
    "goldPercent",
    "grid",
    "idleAfter",
    "minView",
    "name",
    "overlap",
    "pointsPerCategory",
    "retrainAfter",
    "stopBelow",
  ])
})

test.each(["1.5", "-3", "1e3", "1000001"])("%s is no number of labels", (retrainAfter) => {
  expect(checkProject({ ...draft, retrainAfter })).toHaveProperty("retrainAfter")
})

const stored = {
  ...toProject({ ...draft, retrainAfter: "20", stopBelow: "1", overlap: "1" }),
  categories: [],
} as unknown as Project
const asStored = toDraft(stored)

test("an emptied retrain policy is sent as never", () => {
  expect(toChange({ ...asStored, retrainAfter: "" }, stored)).toEqual({ retrain_after: null })
  expect(toChange({ ...asStored, retrainAfter: "50" }, stored)).toEqual({ retrain_after: 50 })
})

test("what was not changed is not sent, so that two people may change different things", () => {
  expect(toChange(asStored, stored)).toEqual({})
  expect(toChange({ ...asStored, name: "Roads" }, stored)).toEqual({ name: "Roads" })
})

test.each(["0", "100", "12.5", "0.25"])("%s percent of the images may be blind", (blindPercent) => {
  expect(checkProject({ ...draft, blindPercent })).toEqual({})
  expect(toProject({ ...draft, blindPercent }).blind_share).toBeCloseTo(Number(blindPercent) / 100)
})

test.each(["", "-1", "100.01", "1.234", "ten"])("%s is no percentage", (blindPercent) => {
  expect(checkProject({ ...draft, blindPercent })).toHaveProperty("blindPercent")
})

test("how many people label which images is sent as a whole", () => {
  expect(toChange({ ...asStored, overlap: "3" }, stored)).toEqual({
    overlap: 3,
    overlap_share: 1,
    overlap_first: null,
  })
})

test.each([
  ["all", 1, null],
  ["share", 0.125, null],
  ["first", 1, 40],
] as const)("of %s images is sent and read back", (overlapOf, overlap_share, overlap_first) => {
  const wanted = { ...draft, overlapOf, overlapPercent: "12.5", overlapFirst: "40" }
  expect(checkProject(wanted)).toEqual({})
  expect(toProject(wanted)).toMatchObject({ overlap: 2, overlap_share, overlap_first })
  const stored = { ...toProject(wanted), categories: [] } as unknown as Project
  expect(toProject(toDraft(stored))).toMatchObject({ overlap: 2, overlap_share, overlap_first })
})

test("what is wrong with a share or a number is said only where it counts", () => {
  const wrong = { ...draft, overlapPercent: "101", overlapFirst: "0" }
  expect(checkProject(wrong)).toEqual({})
  expect(checkProject({ ...wrong, overlapOf: "share" })).toHaveProperty("overlapPercent")
  expect(checkProject({ ...wrong, overlapOf: "first" })).toHaveProperty("overlapFirst")
})

test("points of mIoU are sent as a fraction, and nothing as not asked", () => {
  expect(toChange({ ...asStored, stopBelow: "0.5" }, stored).stop_below).toBeCloseTo(0.005)
  expect(toChange({ ...asStored, stopBelow: "" }, stored).stop_below).toBeNull()
})

test("what is typed while the draft is on its way to the server stays", () => {
  const sent = { ...draft, categories: draftCategories(["Car", "Bus"]) }
  const categories = sent.categories.map((one, place) => ({ ...one, id: 40 + place }))
  const saved = { ...toProject(sent), categories } as unknown as Project
  expect(afterSaving(sent, sent, saved)).toEqual(toDraft(saved))
  const [car, bus] = sent.categories
  const now = {
    ...sent,
    minView: "700",
    categories: [bus, { ...car, name: "Cab" }] as ProjectDraft["categories"],
  }
  const after = afterSaving(now, sent, saved)
  expect(after.minView).toBe("700")
  expect(after.categories.map(({ storedId, name }) => [storedId, name])).toEqual([
    [41, "Bus"],
    [40, "Cab"],
  ])
})

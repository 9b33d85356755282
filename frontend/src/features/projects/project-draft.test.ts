import { expect, test } from "vitest"
import type { Project } from "@/api/projects"
import { draftCategories } from "./category-draft"
import {
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
    "idleAfter",
    "minView",
    "name",
    "overlap",
    "pointsPerCategory",
    "retrainAfter",
    "stopBelow",
    "tiles",
  ])
})

test.each(["1.5", "-3", "1e3", "1000001"])("%s is no number of labels", (retrainAfter) => {
  expect(checkProject({ ...draft, retrainAfter })).toHaveProperty("retrainAfter")
})

test("an emptied retrain policy is sent as never", () => {
  expect(toChange({ ...draft, retrainAfter: "" }, []).retrain_after).toBeNull()
  expect(toChange({ ...draft, retrainAfter: "50" }, []).retrain_after).toBe(50)
})

test.each(["0", "100", "12.5", "0.25"])("%s percent of the images may be blind", (blindPercent) => {
  expect(checkProject({ ...draft, blindPercent })).toEqual({})
  expect(toProject({ ...draft, blindPercent }).blind_share).toBeCloseTo(Number(blindPercent) / 100)
})

test.each(["", "-1", "100.01", "1.234", "ten"])("%s is no percentage", (blindPercent) => {
  expect(checkProject({ ...draft, blindPercent })).toHaveProperty("blindPercent")
})

test("how many people label each image is sent with every change", () => {
  expect(toChange({ ...draft, overlap: "3" }, []).overlap).toBe(3)
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
  expect(toChange({ ...draft, stopBelow: "0.5" }, []).stop_below).toBeCloseTo(0.005)
  expect(toChange({ ...draft, stopBelow: "" }, []).stop_below).toBeNull()
})

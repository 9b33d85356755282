import { expect, test } from "vitest"
import { progressOf } from "@/api/projects"
import { progressWords } from "./progress"

const images = {
  total: 26,
  registered: 4,
  ready: 20,
  rejected: 2,
  labelled: 4,
  leased: 1,
  answers: 4,
  answers_wanted: 24,
}

test("where one person labels an image, images are counted", () => {
  const project = { images }
  expect(progressOf(project)).toEqual({ done: 4, wanted: 24, left: 20, noun: "image" })
  expect(progressWords(project)).toMatchObject({ left: "4 labelled", right: "24 images" })
})

test("where several do, answers are, and the images that have all of theirs beside them", () => {
  const project = { images: { ...images, answers: 28, answers_wanted: 48 } }
  expect(progressOf(project)).toEqual({ done: 28, wanted: 48, left: 20, noun: "answer" })
  expect(progressWords(project)).toMatchObject({
    left: "28 of 48 answers",
    right: "4 of 24 images done",
  })
})

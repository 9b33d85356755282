import { expect, test } from "vitest"
import { progressOf } from "./progress"

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
  expect(progressOf({ overlap: 1, images })).toEqual({
    done: 4,
    wanted: 24,
    left: 20,
    noun: "image",
    text: "4 labelled",
    images: "24 images",
  })
})

test("where several do, answers are counted, and the images that have all of theirs beside them", () => {
  const counted = { ...images, answers: 28, answers_wanted: 48 }
  expect(progressOf({ overlap: 2, images: counted })).toEqual({
    done: 28,
    wanted: 48,
    left: 20,
    noun: "answer",
    text: "28 of 48 answers",
    images: "4 of 24 images done",
  })
})

test("what several people gave still counts after the overlap was lowered", () => {
  const counted = { ...images, answers: 7, answers_wanted: 27 }
  expect(progressOf({ overlap: 1, images: counted }).text).toBe("7 of 27 answers")
})

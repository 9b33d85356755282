import { describe, expect, it } from "vitest"
import { endOf } from "./standstill"

const images = { total: 10, registered: 0, ready: 10, rejected: 0, labelled: 0, leased: 0 }
const counts = { ...images, answers: 0, answers_wanted: 10 }
const end = (ending: Partial<Parameters<typeof endOf>[1]>, ready = 10) =>
  endOf({ images: { ...counts, ready } }, { left: 0, done: 0, waiting: 0, ...ending })

describe("endOf", () => {
  it("says that all is done, and what this person did", () => {
    expect(end({ done: 3 })).toMatchObject({
      title: "All images are labelled",
      text: "You labelled 3 images in this session.",
    })
  })

  it("says when others have the rest", () => {
    const { title, text } = end({ left: 2 })
    expect(title).toBe("Nothing more for you just now")
    expect(text).toContain("The last 2 images are left to other people.")
  })

  it("says when the answers that are left are for others to give", () => {
    const several = { images: { ...counts, answers_wanted: 20 } }
    const { text } = endOf(several, { left: 5, done: 0, waiting: 0 })
    expect(text).toContain("The last 5 answers are left to other people")
  })

  it("does not say all is done while labels wait on this device", () => {
    expect(end({ waiting: 2 }).text).toContain("The last 2 labels are being sent.")
  })

  it("tells an empty project from a finished one", () => {
    expect(end({}, 0).title).toBe("There are no images yet")
  })
})

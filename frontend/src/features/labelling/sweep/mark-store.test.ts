import { describe, expect, it } from "vitest"
import { markStore } from "./mark-store"
import { type Marks, NO_MARKS } from "./marks"

const storageWith = (kept: string | null) => {
  let value = kept
  return {
    getItem: () => value,
    setItem: (_key: string, next: string) => {
      value = next
    },
  }
}

describe("the marks of a page", () => {
  it("come back as they were kept", () => {
    const store = markStore(storageWith(null), "key")
    const marks: Marks = { rest: "present", own: new Map([[7, "unsure"]]) }
    expect(store.read()).toEqual(NO_MARKS)
    store.write(marks)
    expect(store.read()).toEqual(marks)
  })

  it.each([
    "",
    "{",
    "7",
    '{"own": 3}',
    '{"rest": "maybe", "own": [["a", "present"], [1, "x"], 4]}',
  ])("are none where the storage holds %j", (kept) => {
    expect(markStore(storageWith(kept), "key").read()).toEqual(NO_MARKS)
  })

  it("are not kept where there is no room", () => {
    const full = {
      getItem: () => null,
      setItem: () => {
        throw new Error("full")
      },
    }
    const store = markStore(full, "key")
    store.write({ rest: "present", own: new Map() })
    expect(store.read()).toEqual(NO_MARKS)
  })
})

import { describe, expect, it, vi } from "vitest"
import type { SweepPage } from "@/api/sweeps"
import { feedOf, outboxTo } from "../loop/server.fixture"
import { imageOf } from "../loop/workspace.fixture"
import { answerFor, doubted, flipped, type Marks, NO_MARKS, toggled } from "./marks"
import type { AnsweredPage, Held } from "./pages"
import { Sweep } from "./sweep"

const PAGE = 3

function pageOf(number: number): Held {
  const ids = Array.from({ length: PAGE }, (_, index) => number * 10 + index)
  const images = ids.map((id) => ({ ...imageOf(id), probability: null, ticked: false }))
  const id = `page-${number}`
  const about = { expires_at: "", category: "Train", sorted_by: "import" } as const
  const page: SweepPage = { id, ...about, images }
  return { id, image: { id: ids[0] ?? 0 }, page }
}

/** A sweep over a server with some pages, that notes what it was sent. */
async function sweepOf(pages: number, options: { kept?: { marks: Marks }; leastMs?: number } = {}) {
  const { kept = { marks: NO_MARKS }, leastMs = 0 } = options
  const left = Array.from({ length: pages }, (_, index) => pageOf(index + 1))
  const time = { ms: 500 }
  const sent: AnsweredPage[] = []
  const feed = feedOf(2, () => left.splice(0, 1))
  const outbox = outboxTo(sent)
  const sweep = new Sweep({
    author: { annotatorId: 1, projectId: 7 },
    feed,
    outbox,
    marks: {
      read: () => kept.marks,
      write: (marks) => {
        kept.marks = marks
      },
    },
    leastMs,
    now: () => time.ms,
    newId: () => `key-${sent.length}`,
  })
  await feed.fill()
  const shown = () => sweep.snapshot().turn?.page.id ?? null
  const look = (ms = 0) => {
    sweep.painted(shown() ?? "")
    time.ms += ms
  }
  /** Save the page, also where the sweep asks whether one without marks is meant. */
  const submit = async () => {
    await sweep.submit()
    if (sweep.snapshot().isAsked) await sweep.submit()
  }
  return { sweep, sent, shown, look, submit, time, feed, kept }
}

describe("a sweep", () => {
  it("sends an answer for each image of a page and goes on", async () => {
    const { sweep, sent, shown, look, submit } = await sweepOf(3)
    look(4000)
    sweep.moveTo(1)
    sweep.answerCurrent(toggled)
    sweep.moveTo(2)
    sweep.answerCurrent(doubted)
    await submit()
    expect(shown()).toBe("page-2")
    expect(sent[0]).toMatchObject({
      pageId: "page-1",
      body: { present: [11], absent: [10], unsure: [12], timing: { wall_ms: 4000 } },
    })
    expect(sweep.snapshot()).toMatchObject({ finished: PAGE, turn: { at: 0 } })
  })

  it("waits until the page can be seen", async () => {
    const { sent, shown, look, submit } = await sweepOf(2)
    await submit()
    expect([sent.length, shown()]).toEqual([0, "page-1"])
    look()
    await submit()
    expect([sent.length, shown()]).toEqual([1, "page-2"])
  })

  it("takes two quick submits for one", async () => {
    const { sweep, sent, look } = await sweepOf(3)
    look()
    await Promise.all([sweep.submit(), sweep.submit()])
    expect(sent.map((parcel) => parcel.pageId)).toEqual(["page-1"])
  })

  it("turns what was left alone, and each page starts anew", async () => {
    const { sweep, sent, look, submit } = await sweepOf(2)
    look()
    sweep.turnRest(flipped)
    sweep.answerCurrent(toggled)
    expect(sweep.snapshot().message.text).toBe("street 10: absent. 2 present · 1 absent")
    await submit()
    expect(sent[0]?.body).toMatchObject({ present: [11, 12], absent: [10] })
    expect(sweep.snapshot().turn?.marks).toEqual(NO_MARKS)
  })

  it("answers an image that can not be shown with not sure", async () => {
    const { sweep } = await sweepOf(1)
    const { turn } = sweep.snapshot()
    const [image] = turn?.page.images ?? []
    if (!image) throw new Error("no image")
    sweep.unseen(image)
    expect(answerFor(sweep.snapshot().turn?.marks ?? NO_MARKS, image)).toBe("unsure")
  })

  it("goes back, corrects, and sends only what has changed", async () => {
    const { sweep, sent, shown, look, submit } = await sweepOf(3)
    look()
    await submit()
    look(1000)
    await sweep.back()
    expect([shown(), sweep.snapshot().stepsBack]).toEqual(["page-1", 1])
    look(700)
    await submit()
    expect([shown(), sent.length]).toEqual(["page-2", 1])
    await sweep.back()
    look(700)
    sweep.answerCurrent(toggled)
    await sweep.forward()
    expect(shown()).toBe("page-2")
    expect(sent[1]).toMatchObject({
      pageId: "page-1",
      body: { present: [10], absent: [11, 12], timing: { wall_ms: 700 } },
    })
    expect(new Set(sent.map((parcel) => parcel.id)).size).toBe(2)
  })

  it("does not count the time on another page", async () => {
    const { sweep, sent, look, submit } = await sweepOf(2)
    look()
    await submit()
    look(1000)
    await sweep.back()
    look(5000)
    await sweep.forward()
    look(200)
    await submit()
    expect(sent.at(-1)?.body.timing).toMatchObject({ active_ms: 1200 })
  })

  it("has no page before the first and none after the newest", async () => {
    const { sweep } = await sweepOf(1)
    await sweep.back()
    expect(sweep.snapshot().message.text).toBe("There is no page before this one.")
    await sweep.forward()
    expect(sweep.snapshot().message.text).toBe("This is the newest page.")
  })

  it("keeps marks for a page that comes again", async () => {
    const first = await sweepOf(1)
    first.sweep.moveTo(2)
    first.sweep.answerCurrent(toggled)
    const again = await sweepOf(1, { kept: first.kept })
    expect([...(again.sweep.snapshot().turn?.marks.own ?? [])]).toEqual([[12, "present"]])
    again.look()
    await again.sweep.submit()
    expect(first.kept.marks).toEqual(NO_MARKS)
  })

  it("ends when nothing is left", async () => {
    const { sweep, look, shown, submit } = await sweepOf(1)
    look()
    await submit()
    expect(shown()).toBeNull()
    sweep.answerCurrent(toggled)
    sweep.enlarge(true)
    expect(sweep.snapshot()).toMatchObject({ turn: null, isLarge: false, finished: PAGE })
  })

  it("asks before a page without a mark is saved as none, and takes no double press for it", async () => {
    const { sweep, sent, shown, look, time } = await sweepOf(3, { leastMs: 400 })
    look(200)
    await sweep.submit()
    expect(sweep.snapshot().message).toMatchObject({ isShown: true })
    expect(sweep.snapshot().message.text).toContain("only just come")
    time.ms += 2000
    for (const gap of [0, 60, 300]) {
      time.ms += gap
      await sweep.submit()
    }
    expect([shown(), sent.length, sweep.snapshot().isAsked]).toEqual(["page-1", 0, true])
    expect(sweep.snapshot().message.text).toBe(
      "Nothing is marked: this says Train is in none of the 3 images. Press Enter again to save.",
    )
    time.ms += 400
    await sweep.submit()
    expect([shown(), sent.length, sweep.snapshot().isAsked]).toEqual(["page-2", 1, false])
  })

  it.each([10, 60, 190, 350])(
    "takes no second press %i ms later for the next page",
    async (gap) => {
      const { sweep, sent, shown, look, time } = await sweepOf(3, { leastMs: 400 })
      look(2000)
      sweep.answerCurrent(toggled)
      await sweep.submit()
      look(gap)
      await sweep.submit()
      expect([shown(), sent.length]).toEqual(["page-2", 1])
      time.ms += 400
      sweep.answerCurrent(toggled)
      await sweep.submit()
      await vi.waitFor(() => expect(sent).toHaveLength(2))
    },
  )

  it("asks as well where the only mark is that a picture can not be shown", async () => {
    const { sweep, sent, look } = await sweepOf(2)
    const [image] = sweep.snapshot().turn?.page.images ?? []
    if (!image) throw new Error("no image")
    sweep.unseen(image)
    look()
    await sweep.submit()
    expect([sent.length, sweep.snapshot().isAsked]).toEqual([0, true])
  })
})

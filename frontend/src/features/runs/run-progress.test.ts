import { expect, test } from "vitest"
import type { MetricPoint } from "@/api/runs"
import { addEvents, remainingMs, SILENCE } from "./run-progress"

const event = (id: number, kind: string, payload: MetricPoint["payload"]): MetricPoint => ({
  id,
  kind,
  at: "2026-11-22T10:00:00Z",
  attempt: 1,
  payload,
})

const step = (id: number, at: number, losses: Record<string, number>) =>
  event(id, "progress", {
    step: at,
    steps: 100,
    phase: "warm-up",
    losses,
    learning_rate: 0.001,
    images_per_second: 8.5,
    eta_seconds: 60,
  })

const score = (id: number, at: number, miou: number | null) =>
  event(id, "evaluated", {
    step: at,
    phase: "adaptation",
    score: { miou, iou: { car: 0.5, train: null } },
  })

test("progress lines become one curve per loss", () => {
  const progress = addEvents(SILENCE, [
    step(1, 10, { source: 2 }),
    step(2, 20, { source: 1.5, point: 3 }),
  ])
  expect(progress.losses).toEqual({
    source: [
      { step: 10, value: 2 },
      { step: 20, value: 1.5 },
    ],
    point: [{ step: 20, value: 3 }],
  })
  expect(progress).toMatchObject({ step: 20, steps: 100, phase: "warm-up", lastId: 2 })
})

test("events that come twice, as after a lost connection, count once", () => {
  const once = addEvents(SILENCE, [step(1, 10, { source: 2 }), score(2, 10, 0.4)])
  const twice = addEvents(once, [step(1, 10, { source: 2 }), score(2, 10, 0.4)])
  expect(twice).toEqual(once)
})

test("an evaluation keeps categories that are nowhere as unknown", () => {
  const { evaluations } = addEvents(SILENCE, [score(1, 50, 0.41), score(2, 60, null)])
  expect(evaluations[0]).toEqual({
    step: 50,
    phase: "adaptation",
    miou: 0.41,
    iou: { car: 0.5, train: null },
  })
  expect(evaluations[1]?.miou).toBeNull()
})

test("a resumed attempt takes back what came after its checkpoint", () => {
  const before = addEvents(SILENCE, [
    step(1, 10, { source: 2 }),
    step(2, 20, { source: 1.8, point: 3 }),
    score(3, 20, 0.3),
  ])
  const resumed = addEvents(before, [
    event(4, "started", { steps: 100, device: "cpu", first_step: 10 }),
  ])
  expect(resumed.losses).toEqual({ source: [{ step: 10, value: 2 }] })
  expect(resumed.evaluations).toEqual([])
  expect(resumed).toMatchObject({ step: 10, device: "cpu" })
})

test("changes of state, checkpoints and predictions are noticed", () => {
  const progress = addEvents(SILENCE, [
    event(1, "state", { state: "running" }),
    event(2, "checkpoint", { step: 50 }),
    event(3, "predicting", { done: 7, total: 20 }),
    event(4, "from-a-later-version", {}),
  ])
  expect(progress).toMatchObject({
    state: "running",
    checkpoints: 1,
    predicting: { done: 7, total: 20 },
    lastId: 4,
  })
})

test("the time that is left runs down between two lines, and not below nothing", () => {
  const progress = addEvents(SILENCE, [step(1, 10, {})])
  const saidAt = Date.parse("2026-11-22T10:00:00Z")
  expect(remainingMs(progress, saidAt)).toBe(60_000)
  expect(remainingMs(progress, saidAt + 45_000)).toBe(15_000)
  expect(remainingMs(progress, saidAt + 90_000)).toBe(0)
  expect(remainingMs(SILENCE, saidAt)).toBeNull()
})

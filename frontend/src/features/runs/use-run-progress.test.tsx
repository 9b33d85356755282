import { QueryClient, QueryClientProvider } from "@tanstack/react-query"
import { act, renderHook, waitFor } from "@testing-library/react"
import type { ReactNode } from "react"
import { afterEach, beforeEach, expect, test, vi } from "vitest"
import type { MetricPoint } from "@/api/runs"
import { useRunProgress } from "./use-run-progress"

/** Stands for the browser's event source: a test says what the server sends. */
class FakeEventSource extends EventTarget {
  static opened: FakeEventSource[] = []
  static readonly CLOSED = 2
  readyState = 1
  readonly url: string

  constructor(url: string) {
    super()
    this.url = url
    FakeEventSource.opened.push(this)
  }

  get isOpen() {
    return this.readyState !== FakeEventSource.CLOSED
  }

  close() {
    this.readyState = FakeEventSource.CLOSED
  }

  refuse() {
    this.close()
    this.dispatchEvent(new Event("error"))
  }

  send(kind: string, data: unknown) {
    this.dispatchEvent(new MessageEvent(kind, { data: JSON.stringify(data) }))
  }
}

const progress = (id: number, step: number): MetricPoint => ({
  id,
  kind: "progress",
  at: "2026-11-22T10:00:00Z",
  attempt: 1,
  payload: { step, steps: 100, phase: "warm-up", losses: { source: 1 / step } },
})

let queryClient: QueryClient

const wrapper = ({ children }: { children: ReactNode }) => (
  <QueryClientProvider client={queryClient}>{children}</QueryClientProvider>
)

beforeEach(() => {
  FakeEventSource.opened = []
  queryClient = new QueryClient()
  vi.stubGlobal("EventSource", FakeEventSource)
  vi.stubGlobal("fetch", async () => Response.json([progress(7, 10)]))
})

afterEach(() => vi.unstubAllGlobals())

async function follow() {
  const hook = renderHook(() => useRunProgress(3), { wrapper })
  await waitFor(() => expect(FakeEventSource.opened).toHaveLength(1))
  const [source] = FakeEventSource.opened
  if (!source) throw new Error("nothing was opened")
  return { ...hook, source }
}

test("what was reported before is fetched, then events are followed from there", async () => {
  const { result, source } = await follow()
  await waitFor(() => expect(result.current.progress.step).toBe(10))
  expect(source.url).toBe("/api/v1/runs/3/events?after=7")
  act(() => source.send("progress", progress(8, 20)))
  await waitFor(() => expect(result.current.progress.step).toBe(20))
  expect(result.current.progress.losses.source).toHaveLength(2)
})

test("at the end nothing is lost, the connection is closed, and what depends on it asked again", async () => {
  const { result, source } = await follow()
  const invalidate = vi.spyOn(queryClient, "invalidateQueries")
  act(() => {
    source.send("progress", progress(8, 100))
    source.send("end", { state: "succeeded" })
  })
  expect(result.current.progress.step).toBe(100)
  expect(source.isOpen).toBe(false)
  expect(invalidate).toHaveBeenCalled()
  expect(FakeEventSource.opened).toHaveLength(1)
})

test("a resumed run is followed again", async () => {
  const { result, source } = await follow()
  act(() => source.send("end", { state: "cancelled" }))
  act(() => result.current.follow())
  await waitFor(() => expect(FakeEventSource.opened).toHaveLength(2))
})

test("leaving the page closes the connection", async () => {
  const { unmount, source } = await follow()
  unmount()
  expect(source.isOpen).toBe(false)
})

test("a stream that was refused is asked for again, from the last event", async () => {
  const { source, unmount } = await follow()
  vi.useFakeTimers()
  act(() => source.send("progress", progress(8, 20)))
  act(() => source.refuse())
  act(() => vi.advanceTimersByTime(29_000))
  expect(FakeEventSource.opened).toHaveLength(1)
  act(() => vi.advanceTimersByTime(2_000))
  expect(FakeEventSource.opened.map(({ url }) => url)).toEqual([
    "/api/v1/runs/3/events?after=7",
    "/api/v1/runs/3/events?after=8",
  ])
  act(() => FakeEventSource.opened[1]?.refuse())
  unmount()
  act(() => vi.advanceTimersByTime(60_000))
  expect(FakeEventSource.opened).toHaveLength(2)
  vi.useRealTimers()
})

test("a connection that broke is left to the browser", async () => {
  const { source } = await follow()
  vi.useFakeTimers()
  source.readyState = 0
  act(() => source.dispatchEvent(new Event("error")))
  act(() => vi.advanceTimersByTime(60_000))
  expect(FakeEventSource.opened).toHaveLength(1)
  vi.useRealTimers()
})

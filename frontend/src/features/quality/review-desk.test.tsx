import { QueryClient, QueryClientProvider } from "@tanstack/react-query"
import { cleanup, fireEvent, render, screen } from "@testing-library/react"
import { afterEach, expect, test, vi } from "vitest"
import type { ImageDetail } from "@/api/images"
import { keysQuery, type Project } from "@/api/projects"
import { labelOf } from "@/lib/label.fixture"
import { ReviewDesk } from "./review-desk"

const CAR = { id: 1, name: "Car", color: "#112233", key: "c" }
const PROJECT = { id: 1, mode: "tags", tile_rows: 2, tile_cols: 2, categories: [CAR] }
const IMAGE = { id: 7, external_id: "a.jpg", width: 4, height: 3, url: "/a.jpg" }

afterEach(() => {
  cleanup()
  vi.unstubAllGlobals()
})

test("a double press saves one answer, and an answer that failed can be saved again", async () => {
  const sent: string[] = []
  const answers = [500, 200]
  vi.stubGlobal("fetch", async ({ method }: Request) => {
    if (method !== "PUT") return Response.json({ keys: { Car: "c" } })
    sent.push(method)
    return Response.json({}, { status: answers.shift() ?? 200 })
  })
  const queryClient = new QueryClient()
  queryClient.setQueryData(keysQuery(1).queryKey, { Car: "c" })
  const onDone = vi.fn()
  render(
    <QueryClientProvider client={queryClient}>
      <ReviewDesk
        project={PROJECT as Project}
        image={IMAGE as ImageDetail}
        labels={[labelOf({ id: 1, present: ["Car"] })]}
        isDecision
        onDone={onDone}
      />
    </QueryClientProvider>,
  )
  const press = () => fireEvent.keyDown(window, { key: "Enter", code: "Enter" })
  press()
  press()
  await screen.findByText("The server answered with status 500.")
  expect(sent).toEqual(["PUT"])
  press()
  press()
  await vi.waitFor(() => expect(onDone).toHaveBeenCalled())
  expect(sent).toEqual(["PUT", "PUT"])
})

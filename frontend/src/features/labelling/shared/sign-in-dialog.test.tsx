import { QueryClient, QueryClientProvider } from "@tanstack/react-query"
import { cleanup, render, screen } from "@testing-library/react"
import { userEvent } from "@testing-library/user-event"
import { afterEach, expect, test, vi } from "vitest"
import { type Me, meQuery } from "@/api/session"
import { SignInDialog } from "./sign-in-dialog"

afterEach(cleanup)

test("other pages ask anew who is signed in, as they may have been told that nobody is", async () => {
  const me = { id: 1, email: "mara@example.org", by_provider: false } as Me
  vi.stubGlobal("fetch", async () => Response.json(me))
  const queryClient = new QueryClient()
  queryClient.setQueryData(meQuery.queryKey, null)
  const onSignedIn = vi.fn()
  render(
    <QueryClientProvider client={queryClient}>
      <SignInDialog me={me} waiting={0} onSignedIn={onSignedIn} onClose={vi.fn()} />
    </QueryClientProvider>,
  )
  await userEvent.type(screen.getByLabelText("Password"), "heron{Enter}")
  await vi.waitFor(() => expect(onSignedIn).toHaveBeenCalled())
  expect(queryClient.getQueryState(meQuery.queryKey)).toBeUndefined()
  vi.unstubAllGlobals()
})

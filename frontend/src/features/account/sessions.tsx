import { useMutation, useQueryClient, useSuspenseQuery } from "@tanstack/react-query"
import { endSession, sessionsQuery } from "@/api/accounts"
import { messageOf } from "@/api/client"
import { FormSection } from "@/components/layout"
import { Notice } from "@/components/notice"
import { showToast } from "@/components/toast"
import { SessionTable } from "./session-table"

/** One's own sessions. */
export function Sessions() {
  const { data: sessions } = useSuspenseQuery(sessionsQuery)
  const queryClient = useQueryClient()
  const ending = useMutation({
    mutationFn: endSession,
    onSuccess: () => showToast("The session was ended"),
    onSettled: () => queryClient.invalidateQueries({ queryKey: sessionsQuery.queryKey }),
  })
  return (
    <FormSection
      title="Sessions"
      hint="Browsers in which you are signed in. End those that you do not know, and change your password."
    >
      {ending.error && <Notice tone="bad">{messageOf(ending.error)}</Notice>}
      <SessionTable sessions={sessions} onEnd={({ id }) => ending.mutate(id)} />
    </FormSection>
  )
}

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { type Flag, noteFlagsRead, unreadFlagsQuery } from "@/api/flags"
import { Button } from "@/components/button"
import { Notice } from "@/components/notice"
import type { FlagParcel } from "../loop/flag-post"
import type { Outbox, OutboxState } from "../loop/outbox"
import styles from "./flag.module.css"

const LOOK_AGAIN_MS = 5 * 60_000
/** The others come as these are read. */
const MOST_SHOWN = 2

type NotesProps = {
  projectId: number
  post: Outbox<FlagParcel>
  state: OutboxState<FlagParcel>
  /** Above what the page is about, in place of over it. */
  isAbove: boolean
}

/** What became of one's flags: answers until they are read, and what is not with the server yet. */
export function FlagNotes({ projectId, post, state, isAbove }: NotesProps) {
  const { data = [] } = useQuery({
    ...unreadFlagsQuery(projectId),
    refetchInterval: LOOK_AGAIN_MS,
  })
  const first = state.waiting[0]
  const isKept = state.obstacle !== null && first !== undefined
  if (data.length === 0 && state.refused.length === 0 && !isKept) return null
  return (
    <div className={isAbove ? styles.above : styles.notes}>
      {data.slice(-MOST_SHOWN).map((flag) => (
        <Answer key={flag.id} projectId={projectId} flag={flag} />
      ))}
      {isKept && (
        <Notice tone="warn">
          Your flag on {first.imageName} is kept on this device until the server can be reached.
        </Notice>
      )}
      {state.refused.map(({ id, imageName, refusal }) => (
        <Notice key={id} tone="bad">
          <p>
            Your flag on <strong>{imageName}</strong> was not taken: {refusal}
          </p>
          <Button onClick={() => post.dismiss(id)}>Understood</Button>
        </Notice>
      ))}
    </div>
  )
}

function Answer({ projectId, flag }: { projectId: number; flag: Flag }) {
  const queryClient = useQueryClient()
  const { queryKey } = unreadFlagsQuery(projectId)
  const reading = useMutation({
    mutationFn: () => noteFlagsRead(projectId, [flag.id]),
    retry: 3,
    onMutate: () =>
      queryClient.setQueryData(queryKey, (before) => before?.filter(({ id }) => id !== flag.id)),
    // Not lost: what could not be noted as read comes again.
    onError: () => queryClient.invalidateQueries({ queryKey }),
  })
  return (
    <Notice tone="info">
      <p>
        Your flag on <strong>{flag.image}</strong>: {flag.text}
      </p>
      <p>
        Answer: <strong>{flag.answer}</strong>
      </p>
      <Button onClick={() => reading.mutate()}>Understood</Button>
    </Notice>
  )
}

import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { flagsKey, flagsQuery, noteFlagsRead, unreadFlagsQuery } from "@/api/flags"
import type { Project } from "@/api/projects"
import { Button, LinkButton } from "@/components/button"
import { Card } from "@/components/layout"
import { Notice } from "@/components/notice"
import styles from "./quality.module.css"

/** One's own flags: answers until they are read; nothing for who has flagged no image. */
export function OwnFlagsCard({ project }: { project: Project }) {
  const { data: unread = [] } = useQuery(unreadFlagsQuery(project.id))
  const { data } = useInfiniteQuery(flagsQuery(project.id, null))
  const queryClient = useQueryClient()
  const reading = useMutation({
    mutationFn: (ids: number[]) => noteFlagsRead(project.id, ids),
    onSuccess: () => queryClient.invalidateQueries({ queryKey: flagsKey(project.id) }),
  })
  if (!data?.pages[0]?.items.length) return null
  return (
    <Card
      title="Your flags"
      aside={
        <LinkButton to="/projects/$projectId/flags" params={{ projectId: project.id }} search={{}}>
          See them
        </LinkButton>
      }
    >
      {unread.length === 0 && <p className={styles.hint}>There are no new answers.</p>}
      {unread.map((flag) => (
        <Notice key={flag.id} tone="info">
          <p>
            {flag.image}: {flag.text}
          </p>
          <p>
            Answer: <strong>{flag.answer}</strong>
          </p>
          <Button onClick={() => reading.mutate([flag.id])}>Understood</Button>
        </Notice>
      ))}
    </Card>
  )
}

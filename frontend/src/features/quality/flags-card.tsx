import { useInfiniteQuery } from "@tanstack/react-query"
import { flagsQuery } from "@/api/flags"
import type { Project } from "@/api/projects"
import { LinkButton } from "@/components/button"
import { Card } from "@/components/layout"
import { Loaded } from "@/components/states"
import { formatPlural } from "@/lib/format"
import styles from "./quality.module.css"

/** How many flags wait for an answer, and the way to them. */
export function FlagsCard({ project }: { project: Project }) {
  const query = useInfiniteQuery(flagsQuery(project.id, "open"))
  const open = query.data?.pages.flatMap((page) => page.items)
  const count = open?.length ?? 0
  return (
    <Card
      title={headline(count, query.hasNextPage)}
      aside={
        <LinkButton
          to="/projects/$projectId/flags"
          params={{ projectId: project.id }}
          search={{}}
          variant={count > 0 ? "primary" : "secondary"}
        >
          {count > 0 ? "Answer them" : "All flags"}
        </LinkButton>
      }
    >
      <Loaded query={{ ...query, data: open }} height="3rem">
        {([newest]) => (
          <p className={styles.hint}>
            {newest
              ? `The newest, on ${newest.image}: ${newest.text}`
              : "None. Whoever labels can flag an image with a word; it waits here for your answer."}
          </p>
        )}
      </Loaded>
    </Card>
  )
}

function headline(count: number, hasMore: boolean): string {
  if (count === 0) return "Flags"
  return hasMore ? `More than ${count} open flags` : formatPlural(count, "open flag")
}

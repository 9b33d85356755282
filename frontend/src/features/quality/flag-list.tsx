import { useInfiniteQuery } from "@tanstack/react-query"
import { Link } from "@tanstack/react-router"
import { Flag as FlagIcon } from "lucide-react"
import { type Flag, flagsQuery } from "@/api/flags"
import type { Project } from "@/api/projects"
import { Button } from "@/components/button"
import { Card } from "@/components/layout"
import { EmptyState, Loaded } from "@/components/states"
import { FlagWords } from "./flag-words"
import styles from "./flags.module.css"

const WIDTH = 640

type ListProps = { project: Project; state: "open" | "answered" }

/** Flags with their pictures: everybody's for leads, who answer them, else one's own. */
export function FlagList({ project, state }: ListProps) {
  const list = useInfiniteQuery(flagsQuery(project.id, state))
  const found = list.data?.pages.flatMap((page) => page.items)
  return (
    <Loaded query={{ ...list, data: found }} height="16rem">
      {(flags) =>
        flags.length === 0 ? (
          <EmptyState icon={FlagIcon} title={state === "open" ? "No open flags" : "None answered"}>
            Whoever labels can flag an image with a word for the leads, by the key : or the little
            flag, while labelling and in sweeps. It waits here for the answer.
          </EmptyState>
        ) : (
          <>
            <ul className={styles.list}>
              {flags.map((flag) => (
                <li key={`${flag.id} ${flag.flagged_at}`}>
                  <FlagCard project={project} flag={flag} />
                </li>
              ))}
            </ul>
            {list.hasNextPage && (
              <div>
                <Button onClick={() => list.fetchNextPage()} isPending={list.isFetchingNextPage}>
                  Show more
                </Button>
              </div>
            )}
          </>
        )
      }
    </Loaded>
  )
}

function FlagCard({ project, flag }: { project: Project; flag: Flag }) {
  return (
    <Card>
      <div className={styles.flag}>
        <Link
          to="/projects/$projectId/images/$imageId"
          params={{ projectId: project.id, imageId: flag.image_id }}
          search={{}}
          className={styles.picture}
        >
          <img src={`${flag.image_url}?width=${WIDTH}`} alt="" loading="lazy" />
          {flag.image}
        </Link>
        <FlagWords project={project} flag={flag} />
      </div>
    </Card>
  )
}

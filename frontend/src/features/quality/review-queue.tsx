import { useInfiniteQuery, useQuery, useQueryClient } from "@tanstack/react-query"
import { CircleCheckBig } from "lucide-react"
import { useEffect, useState } from "react"
import { imageQuery } from "@/api/images"
import type { Project } from "@/api/projects"
import { disputedQuery } from "@/api/quality"
import { LinkButton } from "@/components/button"
import { EmptyState, Loaded } from "@/components/states"
import { formatPlural } from "@/lib/format"
import { currentLabels } from "@/lib/labels"
import { ReviewDesk } from "./review-desk"

const HEIGHT = "24rem"

/** One disputed image after the other, the latest first. */
export function ReviewQueue({ project }: { project: Project }) {
  const [passed, setPassed] = useState<ReadonlySet<number>>(new Set())
  const [decided, setDecided] = useState(0)
  const list = useInfiniteQuery(disputedQuery(project.id))
  const { hasNextPage, isFetching, fetchNextPage } = list
  const waiting = list.data?.pages.flatMap((page) => page.items).filter(({ id }) => !passed.has(id))
  const [current, next] = waiting ?? []
  const isShort = waiting !== undefined && waiting.length < 2 && hasNextPage && !isFetching
  useEffect(() => {
    if (isShort) fetchNextPage()
  }, [isShort, fetchNextPage])
  usePrefetched(next?.id)
  const pass = (id: number) => setPassed((before) => new Set(before).add(id))
  if (!(current || hasNextPage || list.isPending || list.error)) {
    return <NothingLeft projectId={project.id} decided={decided} passed={passed.size} />
  }
  return (
    <Loaded query={{ ...list, data: current }} height={HEIGHT}>
      {({ id }) => (
        <Disputed
          key={id}
          project={project}
          imageId={id}
          onDone={() => {
            setDecided(decided + 1)
            pass(id)
          }}
          onLater={() => pass(id)}
        />
      )}
    </Loaded>
  )
}

type DisputedProps = {
  project: Project
  imageId: number
  onDone: () => void
  onLater: () => void
}

function Disputed({ imageId, ...desk }: DisputedProps) {
  const query = useQuery(imageQuery(imageId))
  return (
    <Loaded query={query} height={HEIGHT}>
      {(image) => (
        <ReviewDesk {...desk} image={image} labels={currentLabels(image.history)} isDecision />
      )}
    </Loaded>
  )
}

function usePrefetched(imageId: number | undefined): void {
  const queryClient = useQueryClient()
  useEffect(() => {
    if (imageId !== undefined) queryClient.prefetchQuery(imageQuery(imageId))
  }, [imageId, queryClient])
}

type NothingLeftProps = { projectId: number; decided: number; passed: number }

function NothingLeft({ projectId, decided, passed }: NothingLeftProps) {
  const later = passed - decided
  const parts = [
    decided > 0 && `You decided ${formatPlural(decided, "image")}.`,
    later > 0 && `${formatPlural(later, "image")} left for later.`,
    decided === 0 && later === 0 && "Wherever several people labelled an image, they agree.",
  ].filter(Boolean)
  return (
    <EmptyState
      icon={CircleCheckBig}
      title={later > 0 ? "The end of the queue" : "Nothing is in dispute"}
      actions={
        <LinkButton to="/projects/$projectId/quality" params={{ projectId }} variant="primary">
          Back to quality
        </LinkButton>
      }
    >
      {parts.join(" ")}
    </EmptyState>
  )
}

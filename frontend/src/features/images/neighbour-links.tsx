import { useQuery, useQueryClient } from "@tanstack/react-query"
import { useNavigate } from "@tanstack/react-router"
import { ArrowLeft, ArrowRight, LayoutGrid } from "lucide-react"
import { useCallback, useEffect } from "react"
import { type ImageFilter, imageQuery, neighboursQuery } from "@/api/images"
import { Button, LinkButton } from "@/components/button"
import styles from "./image-view.module.css"
import { type Direction, useArrowKeys } from "./use-arrow-keys"

type NeighbourLinksProps = { projectId: number; imageId: number; filter: ImageFilter }

/** The way to the images beside this one in the list that it was found in, and back to the list. */
export function NeighbourLinks({ projectId, imageId, filter }: NeighbourLinksProps) {
  const { data } = useQuery(neighboursQuery(projectId, imageId, filter))
  const navigate = useNavigate()
  const queryClient = useQueryClient()
  const previous = data?.previous_id ?? null
  const next = data?.next_id ?? null
  useEffect(() => {
    if (next !== null) queryClient.prefetchQuery(imageQuery(next))
  }, [next, queryClient])
  const go = useCallback(
    (direction: Direction) => {
      const id = direction === "next" ? next : previous
      if (id === null) return
      navigate({
        to: "/projects/$projectId/images/$imageId",
        params: { projectId, imageId: id },
        search: filter,
        replace: true,
      })
    },
    [next, previous, navigate, projectId, filter],
  )
  useArrowKeys(go)
  return (
    <nav className={styles.neighbours} aria-label="Images of the list">
      <LinkButton to="/projects/$projectId/images" params={{ projectId }} search={filter}>
        <LayoutGrid aria-hidden="true" />
        {Object.keys(filter).length > 0 ? "Back to the list" : "All images"}
      </LinkButton>
      <Button
        size="icon"
        aria-label="Previous image"
        aria-keyshortcuts="ArrowLeft"
        title="Previous image (←)"
        disabled={previous === null}
        onClick={() => go("previous")}
      >
        <ArrowLeft />
      </Button>
      <Button
        size="icon"
        aria-label="Next image"
        aria-keyshortcuts="ArrowRight"
        title="Next image (→)"
        disabled={next === null}
        onClick={() => go("next")}
      >
        <ArrowRight />
      </Button>
    </nav>
  )
}

import { type RefObject, useEffect } from "react"

type Pages = {
  hasNextPage: boolean
  isFetching: boolean
  error: unknown
  fetchNextPage: () => unknown
}

/** Asks for the next page when the end of the list comes near; after an error only by hand. */
export function useEndless(end: RefObject<HTMLElement | null>, pages: Pages): void {
  const { hasNextPage, isFetching, error, fetchNextPage } = pages
  const isReady = hasNextPage && !isFetching && !error
  useEffect(() => {
    if (!(isReady && end.current)) return
    const observer = new IntersectionObserver(
      ([entry]) => {
        if (entry?.isIntersecting) fetchNextPage()
      },
      { rootMargin: "800px" },
    )
    observer.observe(end.current)
    return () => observer.disconnect()
  }, [end, isReady, fetchNextPage])
}

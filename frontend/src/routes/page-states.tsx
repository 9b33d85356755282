import { type ErrorComponentProps, useRouter } from "@tanstack/react-router"
import { Compass } from "lucide-react"
import { ApiProblem } from "@/api/client"
import { LinkButton } from "@/components/button"
import { Page, PageHeading } from "@/components/layout"
import { EmptyState, ErrorState, PageSkeleton } from "@/components/states"

export function PageError({ error, reset }: ErrorComponentProps) {
  const router = useRouter()
  if (error instanceof ApiProblem && error.status === 404) return <PageNotFound />
  const retry = () => {
    reset()
    router.invalidate()
  }
  return (
    <Page>
      <ErrorState error={error} onRetry={retry} />
    </Page>
  )
}

/** For an address that is not even below the frame of all pages. */
export function NothingHere() {
  return (
    <main>
      <PageNotFound />
    </main>
  )
}

export function PageNotFound() {
  return (
    <Page>
      <PageHeading title="Not found" />
      <EmptyState
        icon={Compass}
        title="There is nothing here"
        actions={
          <LinkButton to="/projects" variant="primary">
            All projects
          </LinkButton>
        }
      >
        The address may be mistyped, or what was here is gone.
      </EmptyState>
    </Page>
  )
}

export function PagePending() {
  return (
    <Page>
      <PageSkeleton />
    </Page>
  )
}

import { Page } from "@/components/layout"
import { PageSkeleton } from "@/components/states"

export function PagePending() {
  return (
    <Page>
      <PageSkeleton />
    </Page>
  )
}

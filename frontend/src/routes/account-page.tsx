import { useMe } from "@/api/session"
import { Page, PageHeading } from "@/components/layout"
import { lazily } from "@/components/lazily"

// Each file that a route names weighs on the first page: these are named here.
const Sections = lazily(() =>
  import("@/features/account/sections").then((found) => found.AccountSections),
)

export function AccountPage() {
  const me = useMe()
  return (
    <Page>
      <PageHeading title="Account" subtitle={me.email} />
      <Sections />
    </Page>
  )
}

import { Page } from "@/components/layout"
import { lazily } from "@/components/lazily"

// As on the account page.
const Users = lazily(() => import("@/features/account/users").then((found) => found.Users))

export function UsersPage() {
  return (
    <Page>
      <Users />
    </Page>
  )
}

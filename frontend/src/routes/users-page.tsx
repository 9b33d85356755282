import { Page } from "@/components/layout"
import { lazily } from "@/components/lazily"

// As on the account page.
const Users = lazily(() => import("@/features/account/users").then((found) => found.Users))
const AuditLog = lazily(() =>
  import("@/features/account/audit-log").then((found) => found.AuditLog),
)

export function UsersPage() {
  return (
    <Page>
      <Users />
    </Page>
  )
}

/** In one file with its sister: every further file is named in the script that labelling starts with. */
export function AuditPage() {
  return (
    <Page>
      <AuditLog />
    </Page>
  )
}

import { Page } from "@/components/layout"
import { Users } from "@/features/account/users"

export function UsersPage() {
  return (
    <Page>
      <Users />
    </Page>
  )
}

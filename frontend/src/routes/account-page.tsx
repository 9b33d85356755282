import { useMe } from "@/api/session"
import { Page, PageHeading } from "@/components/layout"
import { PasswordForm } from "@/features/account/password-form"
import { Sessions } from "@/features/account/sessions"
import { Tokens } from "@/features/account/tokens"

export function AccountPage() {
  const me = useMe()
  return (
    <Page>
      <PageHeading title="Account" subtitle={me.email} />
      <Tokens />
      <PasswordForm />
      <Sessions />
    </Page>
  )
}

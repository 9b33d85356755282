import { Page } from "@/components/layout"
import { lazily } from "@/components/lazily"

// As on the account page.
const AuditLog = lazily(() =>
  import("@/features/account/audit-log").then((found) => found.AuditLog),
)

export function AuditPage() {
  return (
    <Page>
      <AuditLog />
    </Page>
  )
}

import { useMe } from "@/api/session"
import { PasswordForm } from "./password-form"
import { SecondFactor } from "./second-factor"
import { Sessions } from "./sessions"
import { Tokens } from "./tokens"

/** All that one may see and change of one's own account. */
export function AccountSections() {
  const { has_password } = useMe()
  return (
    <>
      <Tokens />
      {has_password && (
        <>
          <PasswordForm />
          <SecondFactor />
        </>
      )}
      <Sessions />
    </>
  )
}

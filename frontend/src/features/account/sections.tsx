import { PasswordForm } from "./password-form"
import { SecondFactor } from "./second-factor"
import { Sessions } from "./sessions"
import { Tokens } from "./tokens"

/** All that one may see and change of one's own account. */
export function AccountSections() {
  return (
    <>
      <Tokens />
      <PasswordForm />
      <SecondFactor />
      <Sessions />
    </>
  )
}

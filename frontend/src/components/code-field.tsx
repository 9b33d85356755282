import { ApiProblem, messageOf } from "@/api/client"
import { TextField } from "./field"
import { Notice } from "./notice"

type CodeFieldProps = {
  value: string
  onChange: (value: string) => void
  /** Whether a recovery code is taken too. */
  isRecovery?: boolean
}

/** Six digits of an authenticator app; where one signs in, a recovery code instead. */
export function CodeField({ value, onChange, isRecovery = false }: CodeFieldProps) {
  return (
    <TextField
      label="Code"
      description={
        isRecovery
          ? "The six digits that your authenticator app shows now, or one of your recovery codes."
          : "The six digits that your authenticator app shows now."
      }
      name="code"
      inputMode={isRecovery ? "text" : "numeric"}
      autoComplete="one-time-code"
      maxLength={40}
      isRequired
      autoFocus
      value={value}
      onChange={onChange}
    />
  )
}

/** Whether signing in failed for want of a code alone: the password was right. */
export const asksForCode = (error: unknown): boolean =>
  error instanceof ApiProblem && (error.code === "second-factor" || error.code === "wrong-code")

/** Why signing in failed; that a code is needed is no failure. */
export function SignInProblem({ error }: { error: unknown }) {
  const isAsking = error instanceof ApiProblem && error.code === "second-factor"
  return <Notice tone={isAsking ? "info" : "bad"}>{messageOf(error)}</Notice>
}

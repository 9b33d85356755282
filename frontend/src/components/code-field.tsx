import { ApiProblem, messageOf } from "@/api/client"
import { TextField } from "./field"
import { Notice } from "./notice"

type CodeFieldProps = { value: string; onChange: (value: string) => void }

/** Six digits of an authenticator app. */
export function CodeField({ value, onChange }: CodeFieldProps) {
  return (
    <TextField
      label="Code"
      description="The six digits that your authenticator app shows now."
      name="code"
      inputMode="numeric"
      autoComplete="one-time-code"
      maxLength={12}
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

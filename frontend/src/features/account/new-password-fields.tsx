import { TextField } from "@/components/field"

export const MIN_PASSWORD = 12

export type NewPassword = { next: string; again: string }

export const NO_PASSWORD: NewPassword = { next: "", again: "" }

export const isSaidTwice = ({ next, again }: NewPassword): boolean => next === again

type NewPasswordFieldsProps = { value: NewPassword; onChange: (value: NewPassword) => void }

/** A new password, twice. */
export function NewPasswordFields({ value, onChange }: NewPasswordFieldsProps) {
  const differs = value.again !== "" && !isSaidTwice(value)
  return (
    <>
      <TextField
        label="New password"
        type="password"
        autoComplete="new-password"
        description={`At least ${MIN_PASSWORD} characters; several words make a good one.`}
        minLength={MIN_PASSWORD}
        value={value.next}
        onChange={(next) => onChange({ ...value, next })}
        isRequired
      />
      <TextField
        label="New password again"
        type="password"
        autoComplete="new-password"
        value={value.again}
        onChange={(again) => onChange({ ...value, again })}
        error={differs ? "The two are not the same." : null}
        isRequired
      />
    </>
  )
}

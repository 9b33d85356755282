import { useMutation, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import { messageOf } from "@/api/client"
import { changePassword } from "@/api/session"
import { Button } from "@/components/button"
import { TextField } from "@/components/field"
import { FormSection } from "@/components/layout"
import { Notice } from "@/components/notice"
import { showToast } from "@/components/toast"
import styles from "./account.module.css"

export const MIN_PASSWORD = 10

const EMPTY = { current: "", next: "", again: "" }

export function PasswordForm() {
  const [values, setValues] = useState(EMPTY)
  const queryClient = useQueryClient()
  const change = useMutation({
    mutationFn: changePassword,
    onSuccess: async () => {
      setValues(EMPTY)
      showToast("Your password was changed")
      await queryClient.invalidateQueries()
    },
  })
  const differs = values.again !== "" && values.again !== values.next
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!differs) change.mutate({ current: values.current, new: values.next })
  }
  return (
    <FormSection
      title="Password"
      hint="Changing it signs you out everywhere else and ends all of your API tokens."
    >
      <form className={styles.form} onSubmit={submit}>
        {change.error && <Notice tone="bad">{messageOf(change.error)}</Notice>}
        <div className={styles.fields}>
          <TextField
            label="Current password"
            type="password"
            autoComplete="current-password"
            value={values.current}
            onChange={(current) => setValues({ ...values, current })}
            isRequired
          />
          <TextField
            label="New password"
            type="password"
            autoComplete="new-password"
            description={`At least ${MIN_PASSWORD} characters.`}
            minLength={MIN_PASSWORD}
            value={values.next}
            onChange={(next) => setValues({ ...values, next })}
            isRequired
          />
          <TextField
            label="New password again"
            type="password"
            autoComplete="new-password"
            value={values.again}
            onChange={(again) => setValues({ ...values, again })}
            error={differs ? "The two are not the same." : null}
            isRequired
          />
        </div>
        <div>
          <Button type="submit" isPending={change.isPending}>
            Change password
          </Button>
        </div>
      </form>
    </FormSection>
  )
}

import { useMutation, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import { changePassword } from "@/api/accounts"
import { messageOf } from "@/api/client"
import { Button } from "@/components/button"
import { TextField } from "@/components/field"
import { FormSection } from "@/components/layout"
import { Notice } from "@/components/notice"
import { showToast } from "@/components/toast"
import styles from "./account.module.css"
import { isSaidTwice, NewPasswordFields, NO_PASSWORD } from "./new-password-fields"

export function PasswordForm() {
  return (
    <FormSection
      title="Password"
      hint="Changing it signs you out everywhere else and ends all of your API tokens."
    >
      <PasswordChange />
    </FormSection>
  )
}

/** The fields by which one changes one's own password. */
export function PasswordChange({ onChanged }: { onChanged?: () => void }) {
  const [current, setCurrent] = useState("")
  const [wanted, setWanted] = useState(NO_PASSWORD)
  const queryClient = useQueryClient()
  const change = useMutation({
    mutationFn: changePassword,
    onSuccess: async () => {
      setCurrent("")
      setWanted(NO_PASSWORD)
      showToast("Your password was changed")
      await queryClient.invalidateQueries()
      onChanged?.()
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (isSaidTwice(wanted)) change.mutate({ current, new: wanted.next })
  }
  return (
    <form className={styles.form} onSubmit={submit}>
      {change.error && <Notice tone="bad">{messageOf(change.error)}</Notice>}
      <div className={styles.fields}>
        <TextField
          label="Current password"
          type="password"
          autoComplete="current-password"
          value={current}
          onChange={setCurrent}
          isRequired
        />
        <NewPasswordFields value={wanted} onChange={setWanted} />
      </div>
      <div>
        <Button type="submit" isPending={change.isPending}>
          Change password
        </Button>
      </div>
    </form>
  )
}

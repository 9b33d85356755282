import { useMutation, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import { addUser, type UserIn, usersQuery } from "@/api/accounts"
import { messageOf } from "@/api/client"
import { Button } from "@/components/button"
import { RadioCards } from "@/components/choice-field"
import { Dialog, DialogActions } from "@/components/dialog"
import { TextField } from "@/components/field"
import { Notice } from "@/components/notice"
import { showToast } from "@/components/toast"
import styles from "./account.module.css"
import { MIN_PASSWORD } from "./password-form"
import { ROLES } from "./roles"

const EMPTY: UserIn = { email: "", password: "", role: "annotator" }

export function NewUserDialog({ onClose }: { onClose: () => void }) {
  const [user, setUser] = useState(EMPTY)
  const queryClient = useQueryClient()
  const adding = useMutation({
    mutationFn: addUser,
    onSuccess: async ({ email }) => {
      await queryClient.invalidateQueries({ queryKey: usersQuery.queryKey })
      showToast(`${email} may sign in now`)
      onClose()
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    adding.mutate(user)
  }
  return (
    <Dialog title="Add user" isOpen onClose={onClose}>
      <form className={styles.form} onSubmit={submit}>
        {adding.error && <Notice tone="bad">{messageOf(adding.error)}</Notice>}
        <TextField
          label="Email"
          type="email"
          autoComplete="off"
          value={user.email}
          onChange={(email) => setUser({ ...user, email })}
          isRequired
          autoFocus
        />
        <TextField
          label="First password"
          type="password"
          autoComplete="new-password"
          description={`At least ${MIN_PASSWORD} characters. They can change it under Account.`}
          minLength={MIN_PASSWORD}
          value={user.password}
          onChange={(password) => setUser({ ...user, password })}
          isRequired
        />
        <RadioCards
          label="Role"
          choices={ROLES}
          value={user.role}
          onChange={(role) => setUser({ ...user, role })}
        />
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="primary" isPending={adding.isPending}>
            Add user
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  )
}

import { useMutation, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import { changeUser, makePasswordLink, type User, usersQuery } from "@/api/accounts"
import { messageOf } from "@/api/client"
import { Button } from "@/components/button"
import { CheckField, RadioCards } from "@/components/choice-field"
import { Dialog, DialogActions } from "@/components/dialog"
import { Notice } from "@/components/notice"
import { showToast } from "@/components/toast"
import styles from "./account.module.css"
import { isSaidTwice, NewPasswordFields, NO_PASSWORD } from "./new-password-fields"
import { PasswordLinkShown } from "./password-link"

export type Way = "link" | "password"

const WAYS: readonly { value: Way; label: string; description: string }[] = [
  { value: "link", label: "Link", description: "They choose a password; it works once, for 48 h." },
  { value: "password", label: "Password", description: "You choose one and tell them." },
]

type PasswordDialogProps = { user: User; onClose: () => void }

/** Gives somebody a new password, or a link to set one. */
export function PasswordDialog({ user, onClose }: PasswordDialogProps) {
  const [way, setWay] = useState<Way>("link")
  const linking = useMutation({ mutationFn: () => makePasswordLink(user.id) })
  if (linking.data) {
    return (
      <Dialog title="Link to set a password" isOpen onClose={onClose}>
        <PasswordLinkShown link={linking.data} email={user.email} />
        <DialogActions>
          <Button variant="primary" onClick={onClose}>
            Done
          </Button>
        </DialogActions>
      </Dialog>
    )
  }
  return (
    <Dialog title={`Password of ${user.email}`} isOpen onClose={onClose}>
      <div className={styles.form}>
        <RadioCards label="By" choices={WAYS} value={way} onChange={setWay} />
        {way === "password" ? (
          <SetForm user={user} onClose={onClose} />
        ) : (
          <>
            {linking.error && <Notice tone="bad">{messageOf(linking.error)}</Notice>}
            <DialogActions>
              <Button onClick={onClose}>Cancel</Button>
              <Button
                variant="primary"
                isPending={linking.isPending}
                onClick={() => linking.mutate()}
              >
                Make link
              </Button>
            </DialogActions>
          </>
        )}
      </div>
    </Dialog>
  )
}

function SetForm({ user, onClose }: PasswordDialogProps) {
  const [wanted, setWanted] = useState(NO_PASSWORD)
  const [mustChange, setMustChange] = useState(true)
  const queryClient = useQueryClient()
  const setting = useMutation({
    mutationFn: () => changeUser(user.id, { password: wanted.next, must_change: mustChange }),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: usersQuery.queryKey })
      showToast(`${user.email} has a new password`)
      onClose()
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (isSaidTwice(wanted)) setting.mutate()
  }
  return (
    <form className={styles.form} onSubmit={submit}>
      {setting.error && <Notice tone="bad">{messageOf(setting.error)}</Notice>}
      <NewPasswordFields value={wanted} onChange={setWanted} />
      <CheckField
        label="To be changed at the next sign-in"
        isSelected={mustChange}
        onChange={setMustChange}
      />
      <p className={styles.hint}>Ends all of their sessions and API tokens.</p>
      <DialogActions>
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" variant="primary" isPending={setting.isPending}>
          Set password
        </Button>
      </DialogActions>
    </form>
  )
}

import { type FormEvent, useState } from "react"
import { client, messageOf, unwrap } from "@/api/client"
import type { Me } from "@/api/session"
import { AnchorButton, Button } from "@/components/button"
import { Dialog, DialogActions } from "@/components/dialog"
import { TextField } from "@/components/field"
import { Notice } from "@/components/notice"
import { formatPlural } from "@/lib/format"
import styles from "./sign-in-dialog.module.css"

type SignInProps = { me: Me; waiting: number; onSignedIn: () => void; onClose: () => void }

/** The session ran out in the middle of work: go on from here, nothing is lost. */
export function SignInDialog({ me, waiting, onSignedIn, onClose }: SignInProps) {
  const [password, setPassword] = useState("")
  const [problem, setProblem] = useState<string | null>(null)
  const [isPending, setPending] = useState(false)
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    setPending(true)
    try {
      await unwrap(client.POST("/api/v1/session", { body: { email: me.email, password } }))
      onSignedIn()
    } catch (error) {
      setProblem(messageOf(error))
      setPending(false)
    }
  }
  return (
    <Dialog title="Sign in again" isOpen onClose={onClose}>
      <form className={styles.signin} onSubmit={submit}>
        <p>
          You are not signed in any more. Nothing is lost:{" "}
          {waiting > 0
            ? `${formatPlural(waiting, "label waits", "labels wait")} on this device and will be sent.`
            : "everything so far is saved."}
        </p>
        {problem && <Notice tone="bad">{problem}</Notice>}
        <TextField label="Email" type="email" autoComplete="username" value={me.email} isReadOnly />
        <TextField
          label="Password"
          type="password"
          autoComplete="current-password"
          autoFocus
          isRequired
          value={password}
          onChange={setPassword}
        />
        <DialogActions>
          <AnchorButton href={`/sign-in?next=${encodeURIComponent(location.pathname)}`}>
            I am somebody else
          </AnchorButton>
          <Button type="submit" variant="primary" isPending={isPending}>
            Sign in and go on
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  )
}

import { useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import { client, unwrap } from "@/api/client"
import { type Me, meQuery } from "@/api/session"
import { AnchorButton, Button } from "@/components/button"
import { asksForCode, CodeField, SignInProblem } from "@/components/code-field"
import { Dialog, DialogActions } from "@/components/dialog"
import { TextField } from "@/components/field"
import { formatPlural } from "@/lib/format"
import styles from "./sign-in-dialog.module.css"

type SignInProps = { me: Me; waiting: number; onSignedIn: () => void; onClose: () => void }

/** The session ran out in the middle of work: go on from here, nothing is lost. */
export function SignInDialog({ me, waiting, onSignedIn, onClose }: SignInProps) {
  const [password, setPassword] = useState("")
  const [code, setCode] = useState("")
  const [problem, setProblem] = useState<unknown>(null)
  const [isPending, setPending] = useState(false)
  const isCodeAsked = asksForCode(problem)
  const queryClient = useQueryClient()
  const goOn = () => {
    // Whatever else was refused meanwhile has left word that nobody is signed in.
    queryClient.removeQueries({ queryKey: meQuery.queryKey })
    onSignedIn()
  }
  const submit = async (event: FormEvent) => {
    event.preventDefault()
    if (me.by_provider) {
      goOn()
      return
    }
    setPending(true)
    try {
      const body = { email: me.email, password, code: isCodeAsked ? code : null }
      await unwrap(client.POST("/api/v1/session", { body }))
      goOn()
    } catch (error) {
      setProblem(error)
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
        {problem !== null && <SignInProblem error={problem} />}
        {me.by_provider ? (
          <AnchorButton href="/sign-in" target="_blank">
            Sign in, in a new window
          </AnchorButton>
        ) : (
          <>
            <TextField
              label="Email"
              type="email"
              autoComplete="username"
              value={me.email}
              isReadOnly
            />
            <TextField
              label="Password"
              type="password"
              autoComplete="current-password"
              autoFocus
              isRequired
              value={password}
              onChange={setPassword}
            />
          </>
        )}
        {isCodeAsked && <CodeField value={code} onChange={setCode} isRecovery />}
        <DialogActions>
          <AnchorButton href={`/sign-in?next=${encodeURIComponent(location.pathname)}`}>
            I am somebody else
          </AnchorButton>
          <Button type="submit" variant="primary" isPending={isPending}>
            {me.by_provider ? "Go on" : "Sign in and go on"}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  )
}

import { type FormEvent, useState } from "react"
import { messageOf } from "@/api/client"
import type { Me } from "@/api/session"
import { AnchorButton, Button } from "@/components/button"
import { Dialog, DialogActions } from "@/components/dialog"
import { TextField } from "@/components/field"
import { Notice } from "@/components/notice"
import { formatPlural } from "@/lib/format"
import { chordsOf } from "@/lib/keys"
import { KeyCap } from "../screen/key-cap"
import styles from "./dialogs.module.css"
import { signInAgain } from "./personal"

const REASONS = [
  "Too dark or blurred",
  "Not a street scene",
  "Nothing can be made out",
  "Private or offensive",
  "I am not sure what is asked",
]

type SkipProps = { onSkip: (reason: string) => void; onClose: () => void }

/** Why an image gets no label: a choice with its number, or own words. */
export function SkipDialog({ onSkip, onClose }: SkipProps) {
  const [words, setWords] = useState("")
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (words.trim()) onSkip(words.trim())
  }
  const choose = (event: React.KeyboardEvent) => {
    const digit = chordsOf(event.nativeEvent).find((chord) => /^\d$/.test(chord))
    const reason = REASONS[Number(digit) - 1]
    const isTyping = event.target instanceof HTMLInputElement
    if (reason && !isTyping) onSkip(reason)
  }
  return (
    <Dialog title="Skip this image" isOpen onClose={onClose}>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: the buttons inside can be pressed too */}
      <div className={styles.reasons} onKeyDown={choose}>
        {REASONS.map((reason, index) => (
          <Button key={reason} autoFocus={index === 0} onClick={() => onSkip(reason)}>
            <KeyCap chord={String(index + 1)} />
            {reason}
          </Button>
        ))}
        <form className={styles.words} onSubmit={submit}>
          <TextField
            label="Or in your own words"
            value={words}
            onChange={setWords}
            maxLength={500}
            autoComplete="off"
          />
          <Button type="submit" disabled={!words.trim()}>
            Skip
          </Button>
        </form>
      </div>
    </Dialog>
  )
}

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
      await signInAgain(me.email, password)
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

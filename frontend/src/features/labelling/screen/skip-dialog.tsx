import { type FormEvent, useState } from "react"
import { Button } from "@/components/button"
import { Dialog } from "@/components/dialog"
import { TextField } from "@/components/field"
import { chordsOf } from "@/lib/keys"
import { KeyCap } from "../shared/key-cap"
import styles from "./skip-dialog.module.css"

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

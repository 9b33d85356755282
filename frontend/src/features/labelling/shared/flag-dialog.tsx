import { useQuery } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import { imageFlagsQuery } from "@/api/flags"
import { Button } from "@/components/button"
import { Dialog, DialogActions } from "@/components/dialog"
import { TextField } from "@/components/field"
import styles from "./flag.module.css"

type FlagProps = {
  image: { id: number; external_id: string }
  personId: number
  /** What of this image is still on its way; undefined: nothing. */
  waiting: string | null | undefined
  /** With null, what was said is taken back. */
  onSend: (text: string | null) => void
  onClose: () => void
}

/** A word on the image for the project's leads. It does not answer the image. */
export function FlagDialog({ image, personId, waiting, onSend, onClose }: FlagProps) {
  const { data } = useQuery({ ...imageFlagsQuery(image.id), staleTime: 0 })
  const flag = data?.find(({ annotator_id: by }) => by === personId)
  const said = waiting === undefined ? (flag?.text ?? null) : waiting
  const [typed, setTyped] = useState<string | null>(null)
  const words = typed ?? said ?? ""
  const isSaid = words.trim() !== "" && words.trim() !== said
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (isSaid) onSend(words.trim())
  }
  return (
    <Dialog title="Flag this image" isOpen onClose={onClose}>
      <form className={styles.form} onSubmit={submit}>
        <p>
          Ask the project's leads about <strong>{image.external_id}</strong>, or tell them
          something. Their answer comes to you here. A flag is no label: the image is still to be
          answered.
        </p>
        <TextField
          label="Your word"
          value={words}
          onChange={setTyped}
          maxLength={500}
          autoComplete="off"
          autoFocus
        />
        {flag?.answer && (
          <p className={styles.answer}>
            Answered: <strong>{flag.answer}</strong>
          </p>
        )}
        <DialogActions>
          {said !== null && !flag?.answer && (
            <Button onClick={() => onSend(null)}>Take it back</Button>
          )}
          <Button type="submit" variant="primary" disabled={!isSaid}>
            {said === null ? "Flag" : "Change"}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  )
}

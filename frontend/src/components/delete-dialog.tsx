import { useMutation, useQuery } from "@tanstack/react-query"
import { useState } from "react"
import { messageOf } from "@/api/client"
import { type Deletion, deletionQuery, remove, type Thing } from "@/api/deletion"
import { formatBytes, formatPlural } from "@/lib/format"
import { Button } from "./button"
import styles from "./delete-dialog.module.css"
import { Dialog, DialogActions } from "./dialog"
import { TextField } from "./field"
import { Notice } from "./notice"

export type DeleteDialogProps = {
  thing: Thing
  /** What it is called, as in "image cam3/000123.jpg". */
  name: string
  onClose: () => void
  onDeleted: () => unknown
}

/** Says what goes with something, and deletes it when that is confirmed. */
export function DeleteDialog({ thing, name, onClose, onDeleted }: DeleteDialogProps) {
  const { data, error } = useQuery(deletionQuery(thing))
  const [typed, setTyped] = useState("")
  const deleting = useMutation({
    mutationFn: () => remove(thing),
    onSuccess: async () => {
      await onDeleted()
      onClose()
    },
  })
  const problem = deleting.error ?? error
  const toType = thing.kind === "project" || thing.kind === "dataset" ? thing.name : null
  const isSure = toType === null || typed === toType
  return (
    <Dialog title={`Delete ${name}?`} isOpen onClose={onClose} role="alertdialog">
      <div className={styles.content}>
        {data ? <WhatGoes deletion={data} /> : !error && <p>Looking at what goes with it…</p>}
        {toType !== null && data?.refused === null && (
          <TextField
            label={`Type its name, ${toType}`}
            value={typed}
            onChange={setTyped}
            autoComplete="off"
            autoFocus
          />
        )}
        {problem && <Notice tone="bad">{messageOf(problem)}</Notice>}
        <DialogActions>
          <Button onClick={onClose}>Keep it</Button>
          <Button
            variant="danger"
            onClick={() => deleting.mutate()}
            isPending={deleting.isPending}
            disabled={data?.refused !== null || !isSure}
          >
            Delete for good
          </Button>
        </DialogActions>
      </div>
    </Dialog>
  )
}

function WhatGoes({ deletion }: { deletion: Deletion }) {
  const counts = Object.entries(deletion.counts).filter(
    // Snapshots that name an image stay, as a remark says.
    ([name, count]) => count > 0 && !(deletion.kind === "image" && name === "snapshots"),
  )
  return (
    <>
      {deletion.refused && <Notice tone="warn">Not now: {deletion.refused}.</Notice>}
      {counts.length > 0 && (
        <ul className={styles.counts}>
          {counts.map(([name, count]) => (
            <li key={name}>{inWords(name, count)}</li>
          ))}
        </ul>
      )}
      {deletion.remarks.map((remark) => (
        <p key={remark}>{remark}</p>
      ))}
      <p>It cannot be taken back.</p>
    </>
  )
}

/** `3 labels go`; of a person's labels, that they stay. */
function inWords(name: string, count: number): string {
  if (name === "bytes") return `${formatBytes(count)} go`
  if (name === "labels_kept") return `${formatPlural(count, "label")} stay, under a number`
  const noun = formatPlural(count, name.replace(/s$/, ""))
  return count === 1 ? `${noun} goes` : `${noun} go`
}

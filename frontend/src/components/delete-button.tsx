import { useState } from "react"
import { Button } from "./button"
import type { DeleteDialogProps } from "./delete-dialog"
import { lazily } from "./lazily"

// Few ever need it.
const DeleteDialog = lazily(() => import("./delete-dialog").then((found) => found.DeleteDialog))

/** A button that says what goes with something, and deletes it when that is confirmed. */
export function DeleteButton(props: Omit<DeleteDialogProps, "onClose">) {
  const [isAsking, setAsking] = useState(false)
  return (
    <>
      <Button variant="danger" aria-label={`Delete ${props.name}`} onClick={() => setAsking(true)}>
        Delete
      </Button>
      {isAsking && <DeleteDialog {...props} onClose={() => setAsking(false)} />}
    </>
  )
}

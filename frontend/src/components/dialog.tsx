import { X } from "lucide-react"
import { type ReactNode, useId, useLayoutEffect, useRef } from "react"
import { messageOf } from "@/api/client"
import { Button } from "./button"
import styles from "./dialog.module.css"
import { Notice } from "./notice"

type DialogProps = {
  title: string
  onClose: () => void
  children: ReactNode
  role?: "dialog" | "alertdialog"
}

/** A modal window; Escape, the cross, and a press beside it close it. */
export function Dialog({
  title,
  isOpen,
  onClose,
  children,
  role = "dialog",
}: DialogProps & { isOpen: boolean }) {
  if (!isOpen) return null
  return (
    <OpenDialog title={title} onClose={onClose} role={role}>
      {children}
    </OpenDialog>
  )
}

function OpenDialog({ title, onClose, children, role }: DialogProps) {
  const frame = useRef<HTMLDialogElement>(null)
  const content = useRef<HTMLDivElement>(null)
  const titleId = useId()
  useLayoutEffect(() => {
    const dialog = frame.current
    dialog?.showModal()
    focusFirst(content.current)
    // Closing, and not only removing it, gives the focus back to where it was.
    return () => dialog?.close()
  }, [])
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape does the same, through `cancel`
    <dialog
      ref={frame}
      role={role}
      aria-labelledby={titleId}
      className={styles.dialog}
      onCancel={(event) => {
        event.preventDefault()
        onClose()
      }}
      onClick={(event) => event.target === frame.current && onClose()}
    >
      <div className={styles.inner}>
        <div className={styles.head}>
          <h2 id={titleId}>{title}</h2>
          <Button variant="quiet" size="icon" aria-label="Close" onClick={onClose}>
            <X />
          </Button>
        </div>
        <div ref={content} className={styles.content}>
          {children}
        </div>
      </div>
    </dialog>
  )
}

/** The field that asks for the focus, else the first control after the title. */
function focusFirst(content: HTMLElement | null): void {
  const wanted = content?.querySelector<HTMLElement>("[data-autofocus]")
  const first = content?.querySelector<HTMLElement>("input, select, textarea, button")
  const target = wanted ?? first
  target?.focus()
}

export function DialogActions({ children }: { children: ReactNode }) {
  return <div className={styles.actions}>{children}</div>
}

type ConfirmProps = {
  title: string
  isOpen: boolean
  onClose: () => void
  children: ReactNode
  /** Names the act, as in "Cancel run". */
  action: string
  onConfirm: () => void
  isPending: boolean
  error?: unknown
}

/** Asks once more before something that cannot be taken back. */
export function ConfirmDialog(props: ConfirmProps) {
  const { title, isOpen, onClose, children, action, onConfirm, isPending, error } = props
  return (
    <Dialog title={title} isOpen={isOpen} onClose={onClose} role="alertdialog">
      <p>{children}</p>
      {error ? <Notice tone="bad">{messageOf(error)}</Notice> : null}
      <DialogActions>
        <Button onClick={onClose}>Keep it</Button>
        <Button variant="danger" onClick={onConfirm} isPending={isPending}>
          {action}
        </Button>
      </DialogActions>
    </Dialog>
  )
}

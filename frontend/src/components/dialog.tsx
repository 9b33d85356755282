import { X } from "lucide-react"
import type { ReactNode } from "react"
import { Dialog as AriaDialog, Heading, Modal, ModalOverlay } from "react-aria-components"
import { messageOf } from "@/api/client"
import { Button } from "./button"
import styles from "./dialog.module.css"
import { Notice } from "./notice"

type DialogProps = {
  title: string
  isOpen: boolean
  onClose: () => void
  children: ReactNode
  role?: "dialog" | "alertdialog"
}

/** A modal window; Escape, the cross, and a press beside it close it. */
export function Dialog({ title, isOpen, onClose, children, role = "dialog" }: DialogProps) {
  return (
    <ModalOverlay
      isOpen={isOpen}
      onOpenChange={(open) => !open && onClose()}
      isDismissable
      className={styles.overlay ?? ""}
    >
      <Modal className={styles.modal ?? ""}>
        <AriaDialog role={role} className={styles.dialog ?? ""}>
          <header className={styles.head}>
            <Heading slot="title" level={2}>
              {title}
            </Heading>
            <Button variant="quiet" size="icon" aria-label="Close" onClick={onClose}>
              <X />
            </Button>
          </header>
          {children}
        </AriaDialog>
      </Modal>
    </ModalOverlay>
  )
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

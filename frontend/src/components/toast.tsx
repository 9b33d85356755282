import { X } from "lucide-react"
import { useSyncExternalStore } from "react"
import { Button } from "./button"
import styles from "./toast.module.css"

const SHOWN_MS = 6000

type Toast = { id: number; message: string }

let toasts: readonly Toast[] = []
let lastId = 0
const listeners = new Set<() => void>()

function publish(next: readonly Toast[]): void {
  toasts = next
  for (const listener of listeners) listener()
}

const dismiss = (id: number) => publish(toasts.filter((toast) => toast.id !== id))

/** Tells in passing that something was done; never the only place of an error. */
export function showToast(message: string): void {
  lastId += 1
  const id = lastId
  publish([...toasts, { id, message }])
  setTimeout(() => dismiss(id), SHOWN_MS)
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

export function ToastRegion() {
  const shown = useSyncExternalStore(subscribe, () => toasts)
  return (
    <div className={styles.region} aria-live="polite">
      {shown.map((toast) => (
        <div key={toast.id} className={styles.toast}>
          <span>{toast.message}</span>
          <Button
            variant="quiet"
            size="icon"
            aria-label="Dismiss"
            onClick={() => dismiss(toast.id)}
          >
            <X />
          </Button>
        </div>
      ))}
    </div>
  )
}

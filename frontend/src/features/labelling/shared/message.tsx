import { LoaderCircle, type LucideIcon } from "lucide-react"
import type { ReactNode } from "react"
import styles from "./message.module.css"

type MessageProps = {
  icon: LucideIcon
  title: string
  text?: string
  isAlert?: boolean
  isBusy?: boolean
  children?: ReactNode
}

/** What stands in the image's place. */
export function Message({ icon: Icon, title, text, isAlert, isBusy, children }: MessageProps) {
  return (
    <div className={styles.message} role={isAlert ? "alert" : "status"}>
      <Icon aria-hidden="true" strokeWidth={1.5} className={isBusy ? styles.turning : undefined} />
      <h2>{title}</h2>
      {text && <p>{text}</p>}
      {children && <div className={styles.actions}>{children}</div>}
    </div>
  )
}

export const Fetching = () => <Message icon={LoaderCircle} title="Fetching images" isBusy />

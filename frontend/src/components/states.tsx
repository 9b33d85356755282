import { CloudOff, type LucideIcon } from "lucide-react"
import type { ReactNode } from "react"
import { messageOf } from "@/api/client"
import { Button } from "./button"
import styles from "./states.module.css"

type EmptyStateProps = {
  icon: LucideIcon
  title: string
  children: ReactNode
  actions?: ReactNode
}

/** Says why there is nothing yet, and how to get the first one. */
export function EmptyState({ icon: Icon, title, children, actions }: EmptyStateProps) {
  return (
    <div className={styles.empty}>
      <Icon aria-hidden="true" strokeWidth={1.5} />
      <h2>{title}</h2>
      <p>{children}</p>
      {actions && <div className={styles.actions}>{actions}</div>}
    </div>
  )
}

type ErrorStateProps = { error: unknown; onRetry?: () => void }

export function ErrorState({ error, onRetry }: ErrorStateProps) {
  return (
    <div className={styles.empty} role="alert">
      <CloudOff aria-hidden="true" strokeWidth={1.5} />
      <h2>This could not be loaded</h2>
      <p>{messageOf(error)}</p>
      {onRetry && (
        <div className={styles.actions}>
          <Button onClick={onRetry}>Try again</Button>
        </div>
      )}
    </div>
  )
}

/** Stands where something will be. */
export function Skeleton({ height }: { height: string }) {
  return <div className={styles.skeleton} style={{ height }} aria-hidden="true" />
}

/** A page's worth of placeholders. */
export function PageSkeleton() {
  return (
    <div className={styles.skeletons} role="status" aria-label="Loading">
      <Skeleton height="2.5rem" />
      <Skeleton height="9rem" />
      <Skeleton height="16rem" />
    </div>
  )
}

type LoadedProps<Data> = {
  query: { data: Data | undefined; error: Error | null; refetch: () => unknown }
  /** Height of the placeholder while loading. */
  height: string
  children: (data: Data) => ReactNode
}

/** The part of a page that a query fills: placeholder, error, or the data. */
export function Loaded<Data>({ query, height, children }: LoadedProps<Data>) {
  if (query.data !== undefined) return children(query.data)
  if (query.error) return <ErrorState error={query.error} onRetry={() => query.refetch()} />
  return <Skeleton height={height} />
}

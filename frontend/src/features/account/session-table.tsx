import type { SignedIn } from "@/api/accounts"
import { Badge } from "@/components/badge"
import { Button } from "@/components/button"
import { Table } from "@/components/table"
import { formatMoment } from "@/lib/dates"
import { NOTHING } from "@/lib/format"
import styles from "./account.module.css"
import { browserName } from "./browsers"

type SessionTableProps = {
  sessions: readonly SignedIn[]
  onEnd: (session: SignedIn) => void
}

/** Browsers in which somebody is signed in. */
export function SessionTable({ sessions, onEnd }: SessionTableProps) {
  return (
    <Table
      bare
      label="Sessions"
      rows={sessions}
      keyOf={(session) => session.id}
      columns={[
        {
          key: "browser",
          title: "Browser",
          kind: "long",
          cell: (session) => browserName(session.browser),
        },
        {
          key: "address",
          title: "From",
          isMinor: true,
          cell: ({ address }) => address ?? NOTHING,
        },
        {
          key: "used",
          title: "Last used",
          cell: ({ last_used_at, created_at }) => formatMoment(last_used_at ?? created_at),
        },
        {
          key: "actions",
          title: "Actions",
          quietTitle: true,
          cell: (session) => (
            <div className={styles.rowactions}>
              {session.current ? (
                <Badge tone="good">This browser</Badge>
              ) : (
                <Button
                  variant="danger"
                  aria-label={`End the session of ${browserName(session.browser)}`}
                  onClick={() => onEnd(session)}
                >
                  End
                </Button>
              )}
            </div>
          ),
        },
      ]}
    />
  )
}

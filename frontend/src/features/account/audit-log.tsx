import { useInfiniteQuery, useSuspenseQuery } from "@tanstack/react-query"
import { Download } from "lucide-react"
import { useState } from "react"
import { usersQuery } from "@/api/accounts"
import {
  type AuditEntry,
  type AuditEvent,
  type AuditFilter,
  auditExport,
  auditQuery,
} from "@/api/audit"
import { messageOf } from "@/api/client"
import { Button } from "@/components/button"
import { PageHeading } from "@/components/layout"
import { Notice } from "@/components/notice"
import { Select } from "@/components/select"
import { Table } from "@/components/table"
import { formatMoment } from "@/lib/dates"
import { download } from "@/lib/download"
import styles from "./account.module.css"
import { changesOf, EVENTS, thingOf, wayOf, whoOf } from "./audit-words"

const ANY = "any"

/** Who did what, newest first, for administrators. */
export function AuditLog() {
  const { data: users } = useSuspenseQuery(usersQuery)
  const [event, setEvent] = useState<string>(ANY)
  const [user, setUser] = useState<string>(ANY)
  const filter: AuditFilter = {
    ...(event !== ANY && { event: event as AuditEvent }),
    ...(user !== ANY && { user_id: Number(user) }),
  }
  const query = useInfiniteQuery(auditQuery(filter))
  const entries = query.data?.pages.flatMap((page) => page.items)
  return (
    <>
      <PageHeading
        title="Audit log"
        subtitle="Who did what, when and from where. Lines are only ever added."
        actions={
          <Button onClick={() => download(auditExport(filter))}>
            <Download aria-hidden="true" />
            Export
          </Button>
        }
      />
      <div className={styles.form}>
        <div className={styles.fields}>
          <Select
            label="What"
            value={event}
            onChange={setEvent}
            options={[
              { value: ANY, label: "Everything" },
              ...Object.entries(EVENTS).map(([value, label]) => ({ value, label })),
            ]}
          />
          <Select
            label="Who"
            value={user}
            onChange={setUser}
            options={[
              { value: ANY, label: "Everybody" },
              ...users.map(({ id, email }) => ({ value: String(id), label: email })),
            ]}
          />
        </div>
        {query.error && <Notice tone="bad">{messageOf(query.error)}</Notice>}
        {entries && entries.length > 0 && <Entries entries={entries} />}
        {entries?.length === 0 && (
          <p className={styles.hint}>
            Nothing of this kind is in the log: it may not have happened, or be older than lines are
            kept. Choose <em>Everything</em> and <em>Everybody</em> to see all lines.
          </p>
        )}
        {query.hasNextPage && (
          <div>
            <Button onClick={() => query.fetchNextPage()} isPending={query.isFetchingNextPage}>
              Show more
            </Button>
          </div>
        )}
      </div>
    </>
  )
}

function Entries({ entries }: { entries: readonly AuditEntry[] }) {
  return (
    <Table
      label="Audit log"
      stacks
      rows={entries}
      keyOf={(entry) => entry.id}
      columns={[
        { key: "at", title: "When", cell: (entry) => formatMoment(entry.at) },
        { key: "what", title: "What", cell: (entry) => EVENTS[entry.event] ?? entry.event },
        { key: "who", title: "Who", kind: "long", cell: whoOf },
        { key: "thing", title: "On", kind: "long", cell: thingOf },
        {
          key: "change",
          title: "Change",
          kind: "long",
          cell: (entry) => <Changes lines={changesOf(entry)} />,
        },
        { key: "way", title: "By", kind: "long", isMinor: true, cell: wayOf },
      ]}
    />
  )
}

const SHOWN = 3

/** The first of them; the others when they are asked for. */
function Changes({ lines }: { lines: readonly string[] }) {
  const each = (line: string) => <div key={line}>{line}</div>
  if (lines.length <= SHOWN + 1) return lines.map(each)
  return (
    <details>
      <summary>
        {lines[0]}, and {lines.length - 1} more
      </summary>
      {lines.slice(1).map(each)}
    </details>
  )
}

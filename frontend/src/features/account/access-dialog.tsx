import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import {
  accessQuery,
  endAccess,
  endUserSession,
  revokeUserToken,
  type Token,
  type User,
} from "@/api/accounts"
import { messageOf } from "@/api/client"
import { Button } from "@/components/button"
import { Dialog, DialogActions } from "@/components/dialog"
import { Notice } from "@/components/notice"
import { Table } from "@/components/table"
import { formatDay, formatMoment } from "@/lib/dates"
import styles from "./account.module.css"
import { SessionTable } from "./session-table"

type AccessDialogProps = { user: User; onClose: () => void }

/** The sessions and tokens of somebody, for an administrator to end. */
export function AccessDialog({ user, onClose }: AccessDialogProps) {
  const { data, error } = useQuery(accessQuery(user.id))
  const queryClient = useQueryClient()
  const ending = useMutation({
    mutationFn: (end: () => Promise<unknown>) => end(),
    onSettled: () => queryClient.invalidateQueries({ queryKey: accessQuery(user.id).queryKey }),
  })
  const problem = ending.error ?? error
  return (
    <Dialog title={`Access of ${user.email}`} isOpen onClose={onClose}>
      <div className={styles.form}>
        {problem && <Notice tone="bad">{messageOf(problem)}</Notice>}
        <h3>Sessions</h3>
        {data && data.sessions.length > 0 ? (
          <SessionTable
            sessions={data.sessions}
            onEnd={({ id }) => ending.mutate(() => endUserSession(user.id, id))}
          />
        ) : (
          <p className={styles.hint}>{data ? "Signed in nowhere." : "Loading…"}</p>
        )}
        <h3>API tokens</h3>
        {data && data.tokens.length > 0 ? (
          <UserTokens
            tokens={data.tokens}
            onRevoke={({ id }) => ending.mutate(() => revokeUserToken(user.id, id))}
          />
        ) : (
          <p className={styles.hint}>{data ? "No token." : "Loading…"}</p>
        )}
        <DialogActions>
          <Button
            variant="danger"
            isPending={ending.isPending}
            onClick={() => ending.mutate(() => endAccess(user.id))}
          >
            End all
          </Button>
          <Button variant="primary" onClick={onClose}>
            Done
          </Button>
        </DialogActions>
      </div>
    </Dialog>
  )
}

type UserTokensProps = { tokens: readonly Token[]; onRevoke: (token: Token) => void }

function UserTokens({ tokens, onRevoke }: UserTokensProps) {
  return (
    <Table
      bare
      label="API tokens"
      rows={tokens}
      keyOf={(token) => token.id}
      columns={[
        { key: "name", title: "Name", kind: "long", cell: (token) => token.name },
        {
          key: "expires",
          title: "Expires",
          cell: ({ expires_at }) => (expires_at ? formatDay(expires_at) : "never"),
        },
        {
          key: "used",
          title: "Last used",
          isMinor: true,
          cell: ({ last_used_at }) => formatMoment(last_used_at),
        },
        {
          key: "actions",
          title: "Actions",
          quietTitle: true,
          cell: (token) => (
            <div className={styles.rowactions}>
              <Button
                variant="danger"
                aria-label={`Revoke ${token.name}`}
                onClick={() => onRevoke(token)}
              >
                Revoke
              </Button>
            </div>
          ),
        },
      ]}
    />
  )
}

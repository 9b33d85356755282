import { useMutation, useQueryClient, useSuspenseQuery } from "@tanstack/react-query"
import { Plus } from "lucide-react"
import { useState } from "react"
import { revokeToken, type Token, tokensQuery } from "@/api/accounts"
import { Badge } from "@/components/badge"
import { Button } from "@/components/button"
import { ConfirmDialog } from "@/components/dialog"
import { FormSection } from "@/components/layout"
import { Table } from "@/components/table"
import { showToast } from "@/components/toast"
import { formatDay, formatMoment } from "@/lib/dates"
import { NOTHING } from "@/lib/format"
import styles from "./account.module.css"
import { NewTokenDialog } from "./new-token-dialog"
import { SCOPES } from "./scopes"

export function Tokens() {
  const { data: tokens } = useSuspenseQuery(tokensQuery)
  const [isAdding, setAdding] = useState(false)
  const [revoked, setRevoked] = useState<Token | null>(null)
  return (
    <FormSection
      title="API tokens"
      hint="A token lets a program act for you: import images, start runs, download checkpoints."
    >
      {tokens.length === 0 ? (
        <p className={styles.hint}>You have no token.</p>
      ) : (
        <TokenTable tokens={tokens} onRevoke={setRevoked} />
      )}
      <div>
        <Button onClick={() => setAdding(true)}>
          <Plus aria-hidden="true" />
          New token
        </Button>
      </div>
      {isAdding && <NewTokenDialog onClose={() => setAdding(false)} />}
      {revoked && <RevokeDialog token={revoked} onClose={() => setRevoked(null)} />}
    </FormSection>
  )
}

type TokenTableProps = { tokens: readonly Token[]; onRevoke: (token: Token) => void }

function TokenTable({ tokens, onRevoke }: TokenTableProps) {
  return (
    <Table
      bare
      label="API tokens"
      rows={tokens}
      keyOf={(token) => token.id}
      columns={[
        { key: "name", title: "Name", kind: "long", cell: (token) => token.name },
        { key: "scopes", title: "May", cell: (token) => <ScopeBadges token={token} /> },
        {
          key: "expires",
          title: "Expires",
          cell: ({ expires_at }) => (expires_at ? formatDay(expires_at) : "never"),
        },
        {
          key: "used",
          title: "Last used",
          cell: ({ last_used_at }) => (last_used_at ? formatMoment(last_used_at) : NOTHING),
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

function ScopeBadges({ token }: { token: Token }) {
  return (
    <span className={styles.badges}>
      {SCOPES.filter(({ scope }) => token.scopes.includes(scope)).map(({ scope, label }) => (
        <Badge key={scope}>{label}</Badge>
      ))}
    </span>
  )
}

function RevokeDialog({ token, onClose }: { token: Token; onClose: () => void }) {
  const queryClient = useQueryClient()
  const revocation = useMutation({
    mutationFn: () => revokeToken(token.id),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: tokensQuery.queryKey })
      showToast(`${token.name} was revoked`)
      onClose()
    },
  })
  return (
    <ConfirmDialog
      title={`Revoke ${token.name}?`}
      isOpen
      onClose={onClose}
      action="Revoke token"
      onConfirm={() => revocation.mutate()}
      isPending={revocation.isPending}
      error={revocation.error}
    >
      Programs that use it are refused from now on. This cannot be undone.
    </ConfirmDialog>
  )
}

import { useMutation, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import { createToken, type Scope, type TokenCreated, tokensQuery } from "@/api/accounts"
import { messageOf } from "@/api/client"
import { Button } from "@/components/button"
import { CheckField } from "@/components/choice-field"
import { CopyButton } from "@/components/copy-button"
import { Dialog, DialogActions } from "@/components/dialog"
import { TextField } from "@/components/field"
import { Notice } from "@/components/notice"
import { Select } from "@/components/select"
import styles from "./account.module.css"
import { EXPIRIES, type Expiry, expiryAfter, SCOPES } from "./scopes"

/** Asks for a token, then shows it this once. */
export function NewTokenDialog({ onClose }: { onClose: () => void }) {
  const queryClient = useQueryClient()
  const creation = useMutation({
    mutationFn: createToken,
    onSuccess: () => queryClient.invalidateQueries({ queryKey: tokensQuery.queryKey }),
  })
  return (
    <Dialog title={creation.data ? "Your new token" : "New API token"} isOpen onClose={onClose}>
      {creation.data ? (
        <CreatedToken token={creation.data} onClose={onClose} />
      ) : (
        <TokenForm
          onSubmit={creation.mutate}
          isPending={creation.isPending}
          error={creation.error}
          onClose={onClose}
        />
      )}
    </Dialog>
  )
}

function CreatedToken({ token, onClose }: { token: TokenCreated; onClose: () => void }) {
  return (
    <>
      <Notice tone="warn">Copy it now: it is not stored and cannot be shown again.</Notice>
      <div className={styles.secret}>
        <code>{token.token}</code>
        <CopyButton text={token.token} label="Copy token" />
      </div>
      <p className={styles.hint}>
        Send it with every request as <code>Authorization: Bearer …</code>
      </p>
      <DialogActions>
        <Button variant="primary" onClick={onClose}>
          Done
        </Button>
      </DialogActions>
    </>
  )
}

type TokenFormProps = {
  onSubmit: (body: Parameters<typeof createToken>[0]) => void
  isPending: boolean
  error: Error | null
  onClose: () => void
}

function TokenForm({ onSubmit, isPending, error, onClose }: TokenFormProps) {
  const [name, setName] = useState("")
  const [scopes, setScopes] = useState<readonly Scope[]>(["read"])
  const [days, setDays] = useState<Expiry>("90")
  const submit = (event: FormEvent) => {
    event.preventDefault()
    onSubmit({ name, scopes: [...scopes], expires_at: expiryAfter(days, Date.now()) })
  }
  const toggle = (scope: Scope, wanted: boolean) =>
    setScopes(wanted ? [...scopes, scope] : scopes.filter((other) => other !== scope))
  return (
    <form className={styles.form} onSubmit={submit}>
      {error && <Notice tone="bad">{messageOf(error)}</Notice>}
      <TextField
        label="Name"
        description="What will use it, such as “nightly import”."
        value={name}
        onChange={setName}
        maxLength={200}
        isRequired
        autoFocus
      />
      <fieldset className={styles.scopes}>
        <legend className={styles.legend}>It may</legend>
        {SCOPES.map(({ scope, label, description }) => (
          <CheckField
            key={scope}
            label={label}
            description={description}
            isSelected={scopes.includes(scope)}
            onChange={(wanted) => toggle(scope, wanted)}
          />
        ))}
      </fieldset>
      <Select
        label="Expires"
        options={EXPIRIES.map((value) => ({ value, label: `after ${value} days` }))}
        value={days}
        onChange={setDays}
      />
      <DialogActions>
        <Button onClick={onClose}>Cancel</Button>
        <Button
          type="submit"
          variant="primary"
          isPending={isPending}
          disabled={scopes.length === 0}
        >
          Create token
        </Button>
      </DialogActions>
    </form>
  )
}

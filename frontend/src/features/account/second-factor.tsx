import { useMutation, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import { confirmSecondFactor, offerSecondFactor, type SecondFactorOffer } from "@/api/accounts"
import { messageOf } from "@/api/client"
import { useMe } from "@/api/session"
import { Badge } from "@/components/badge"
import { Button } from "@/components/button"
import { CodeField } from "@/components/code-field"
import { CopyButton } from "@/components/copy-button"
import { TextField } from "@/components/field"
import { FormSection } from "@/components/layout"
import { Notice } from "@/components/notice"
import { showToast } from "@/components/toast"
import styles from "./account.module.css"

/** A code of an authenticator app beside the password. */
export function SecondFactor() {
  const me = useMe()
  return (
    <FormSection
      title="Second factor"
      hint="Signing in with the password then asks for a code of an authenticator app too. An administrator can take it away if you lose the app."
    >
      {me.has_second_factor && (
        <div>
          <Badge tone="good">On</Badge>
        </div>
      )}
      <SecondFactorSetup action={me.has_second_factor ? "Use another app" : "Set up"} />
    </FormSection>
  )
}

type SetupProps = { action: string; onDone?: () => void }

/** Shows a secret for the app, and asks for a code of it. */
export function SecondFactorSetup({ action, onDone }: SetupProps) {
  const offering = useMutation({ mutationFn: offerSecondFactor })
  const finish = () => {
    offering.reset()
    onDone?.()
  }
  if (offering.data) return <Confirmation offer={offering.data} onDone={finish} />
  return (
    <>
      {offering.error && <Notice tone="bad">{messageOf(offering.error)}</Notice>}
      <div>
        <Button isPending={offering.isPending} onClick={() => offering.mutate()}>
          {action}
        </Button>
      </div>
    </>
  )
}

function Confirmation({ offer, onDone }: { offer: SecondFactorOffer; onDone: () => void }) {
  const [code, setCode] = useState("")
  const [password, setPassword] = useState("")
  const queryClient = useQueryClient()
  const confirming = useMutation({
    mutationFn: confirmSecondFactor,
    onSuccess: async () => {
      showToast("The second factor is on")
      await queryClient.invalidateQueries()
      onDone()
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    confirming.mutate({ secret: offer.secret, code, password })
  }
  return (
    <form className={styles.form} onSubmit={submit}>
      <p>Scan this with your app, or open it there, or type the key:</p>
      <a href={offer.uri} className={styles.qr}>
        <img
          src={`data:image/svg+xml,${encodeURIComponent(offer.picture)}`}
          alt="QR code for an authenticator app"
          width={196}
          height={196}
        />
      </a>
      <div className={styles.secret}>
        <code>{offer.secret}</code>
        <CopyButton text={offer.secret} label="Copy key" />
      </div>
      {confirming.error && <Notice tone="bad">{messageOf(confirming.error)}</Notice>}
      <div className={styles.fields}>
        <CodeField value={code} onChange={setCode} />
        <TextField
          label="Your password"
          type="password"
          autoComplete="current-password"
          value={password}
          onChange={setPassword}
          isRequired
        />
      </div>
      <div>
        <Button type="submit" variant="primary" isPending={confirming.isPending}>
          Turn on
        </Button>
      </div>
    </form>
  )
}

import { useMutation, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import {
  confirmSecondFactor,
  drawRecoveryCodes,
  offerSecondFactor,
  type SecondFactorOffer,
} from "@/api/accounts"
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
import { NewCodes, RecoveryCodes } from "./recovery-codes"

/** A code of an authenticator app beside the password. */
export function SecondFactor() {
  const me = useMe()
  return (
    <FormSection
      title="Second factor"
      hint="Signing in with the password then asks for a code of an authenticator app too. If you lose the app, a recovery code opens your account, or an administrator takes the factor away."
    >
      {me.has_second_factor && (
        <div>
          <Badge tone="good">On</Badge>
        </div>
      )}
      <SecondFactorSetup action={me.has_second_factor ? "Use another app" : "Set up"} />
      {me.has_second_factor && <RecoveryCodes />}
    </FormSection>
  )
}

type SetupProps = { action: string; onDone?: () => void }

/** Shows a secret for the app, and asks for a code of it. */
export function SecondFactorSetup({ action, onDone }: SetupProps) {
  const offering = useMutation({ mutationFn: offerSecondFactor })
  const [codes, setCodes] = useState<readonly string[] | null>(null)
  const queryClient = useQueryClient()
  // Only once the codes were seen: what is asked for before a second factor may go away with it.
  const finish = async () => {
    await queryClient.invalidateQueries()
    setCodes(null)
    offering.reset()
    onDone?.()
  }
  if (codes) return <NewCodes codes={codes} onDone={finish} />
  if (offering.data) {
    return (
      <Confirmation
        offer={offering.data}
        onDone={(drawn) => (drawn ? setCodes(drawn) : finish())}
      />
    )
  }
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

type ConfirmationProps = {
  offer: SecondFactorOffer
  onDone: (recoveryCodes: readonly string[] | null) => void
}

function Confirmation({ offer, onDone }: ConfirmationProps) {
  const [code, setCode] = useState("")
  const [password, setPassword] = useState("")
  const confirming = useMutation({
    mutationFn: async () => {
      await confirmSecondFactor({ secret: offer.secret, code, password })
      // It is on, whatever becomes of the codes: they can be drawn again.
      return drawRecoveryCodes({ password }).catch(() => null)
    },
    onSuccess: (drawn) => {
      showToast("The second factor is on")
      onDone(drawn?.codes ?? null)
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    confirming.mutate()
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

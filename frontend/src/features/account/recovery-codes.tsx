import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import { drawRecoveryCodes, recoveryCodesQuery } from "@/api/accounts"
import { messageOf } from "@/api/client"
import { Button } from "@/components/button"
import { CopyButton } from "@/components/copy-button"
import { TextField } from "@/components/field"
import { Notice } from "@/components/notice"
import { formatPlural } from "@/lib/format"
import styles from "./account.module.css"

/** How many codes are left, and new ones in their place. */
export function RecoveryCodes() {
  const { data } = useQuery(recoveryCodesQuery)
  const [isAsking, setAsking] = useState(false)
  const [codes, setCodes] = useState<readonly string[] | null>(null)
  if (codes) return <NewCodes codes={codes} onDone={() => setCodes(null)} />
  return (
    <>
      <p>
        {data === undefined
          ? "Recovery codes"
          : `${formatPlural(data.left, "recovery code")} left. Each opens your account once in place of a code of the app.`}
      </p>
      {isAsking ? (
        <DrawForm
          onDrawn={(drawn) => {
            setAsking(false)
            setCodes(drawn)
          }}
        />
      ) : (
        <div>
          <Button onClick={() => setAsking(true)}>New recovery codes</Button>
        </div>
      )}
    </>
  )
}

function DrawForm({ onDrawn }: { onDrawn: (codes: readonly string[]) => void }) {
  const [password, setPassword] = useState("")
  const queryClient = useQueryClient()
  const drawing = useMutation({
    mutationFn: () => drawRecoveryCodes({ password }),
    onSuccess: async ({ codes }) => {
      onDrawn(codes)
      await queryClient.invalidateQueries({ queryKey: recoveryCodesQuery.queryKey })
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    drawing.mutate()
  }
  return (
    <form className={styles.form} onSubmit={submit}>
      <p>The ones that you have now end.</p>
      {drawing.error && <Notice tone="bad">{messageOf(drawing.error)}</Notice>}
      <div className={styles.fields}>
        <TextField
          label="Your password"
          type="password"
          autoComplete="current-password"
          value={password}
          onChange={setPassword}
          isRequired
          autoFocus
        />
      </div>
      <div>
        <Button type="submit" variant="primary" isPending={drawing.isPending}>
          Draw new codes
        </Button>
      </div>
    </form>
  )
}

type NewCodesProps = { codes: readonly string[]; onDone: () => void }

/** Codes that are shown this once. */
export function NewCodes({ codes, onDone }: NewCodesProps) {
  return (
    <div className={styles.form}>
      <Notice tone="warn">
        Keep these recovery codes where you find them without this device. They are shown this once.
      </Notice>
      <ul className={styles.codes} aria-label="Recovery codes">
        {codes.map((code) => (
          <li key={code}>
            <code>{code}</code>
          </li>
        ))}
      </ul>
      <div className={styles.buttons}>
        <CopyButton text={codes.join("\n")} label="Copy all" isIcon={false} />
        <Button variant="primary" onClick={onDone}>
          I have kept them
        </Button>
      </div>
    </div>
  )
}

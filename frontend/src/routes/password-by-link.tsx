import { useMutation, useQuery } from "@tanstack/react-query"
import { useRouter } from "@tanstack/react-router"
import { type FormEvent, useState } from "react"
import { linkOwnerQuery, setPasswordByLink } from "@/api/accounts"
import { messageOf } from "@/api/client"
import { Button } from "@/components/button"
import { TextField } from "@/components/field"
import { Logo } from "@/components/logo"
import { Notice } from "@/components/notice"
import { isSaidTwice, NewPasswordFields, NO_PASSWORD } from "@/features/account/new-password-fields"
import { useDocumentTitle } from "@/lib/use-document-title"
import styles from "./sign-in-page.module.css"

/** Where an invitation or a reset leads: its secret is behind the #, which no server is told. */
export function PasswordByLink({ secret }: { secret: string }) {
  useDocumentTitle("Set your password")
  const { data: owner, error } = useQuery(linkOwnerQuery(secret))
  return (
    <main className={styles.page}>
      <div className={styles.panel}>
        <header className={styles.head}>
          <Logo size={52} />
          <h1>Set your password</h1>
        </header>
        {error && <Notice tone="bad">{messageOf(error)}</Notice>}
        {owner && <PasswordForm secret={secret} email={owner.email} />}
      </div>
    </main>
  )
}

function PasswordForm({ secret, email }: { secret: string; email: string }) {
  const router = useRouter()
  const [wanted, setWanted] = useState(NO_PASSWORD)
  const setting = useMutation({
    mutationFn: setPasswordByLink,
    onSuccess: () => router.navigate({ to: "/sign-in", replace: true }),
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (isSaidTwice(wanted)) setting.mutate({ secret, password: wanted.next })
  }
  return (
    <form className={styles.form} onSubmit={submit}>
      {setting.error && <Notice tone="bad">{messageOf(setting.error)}</Notice>}
      <TextField label="Email" type="email" autoComplete="username" value={email} isReadOnly />
      <NewPasswordFields value={wanted} onChange={setWanted} />
      <Button type="submit" variant="primary" isPending={setting.isPending}>
        Set password
      </Button>
    </form>
  )
}

import { useMutation, useQuery } from "@tanstack/react-query"
import { getRouteApi, useRouter } from "@tanstack/react-router"
import { type FormEvent, useState } from "react"
import { messageOf } from "@/api/client"
import { aboutQuery, signIn } from "@/api/session"
import { Button } from "@/components/button"
import { TextField } from "@/components/field"
import { Logo } from "@/components/logo"
import { Notice } from "@/components/notice"
import { useDocumentTitle } from "@/lib/use-document-title"
import styles from "./sign-in-page.module.css"

const DEMO_ACCOUNTS = ["admin@demo.local", "annotator@demo.local"]

const route = getRouteApi("/sign-in")

export function SignInPage() {
  const { next = "/projects" } = route.useSearch()
  const router = useRouter()
  useDocumentTitle("Sign in")
  const [email, setEmail] = useState("")
  const [password, setPassword] = useState("")
  const entry = useMutation({
    mutationFn: signIn,
    onSuccess: () => router.history.push(next),
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    entry.mutate({ email, password })
  }
  return (
    <main className={styles.page}>
      <div className={styles.panel}>
        <header className={styles.head}>
          <Logo size={52} />
          <h1>Sign in to weakseg</h1>
          <p>Segmentation models for street images, from a few seconds of labelling per image.</p>
        </header>
        <form className={styles.form} onSubmit={submit}>
          {entry.error && <Notice tone="bad">{messageOf(entry.error)}</Notice>}
          <TextField
            label="Email"
            name="email"
            type="email"
            autoComplete="username"
            isRequired
            value={email}
            onChange={setEmail}
          />
          <TextField
            label="Password"
            name="password"
            type="password"
            autoComplete="current-password"
            isRequired
            value={password}
            onChange={setPassword}
          />
          <Button type="submit" variant="primary" isPending={entry.isPending}>
            Sign in
          </Button>
        </form>
        <DemoHint onChoose={setEmail} />
      </div>
    </main>
  )
}

function DemoHint({ onChoose }: { onChoose: (email: string) => void }) {
  const { data: about } = useQuery(aboutQuery)
  if (!about?.demo) return null
  return (
    <Notice tone="info">
      <span>
        This is the demo. Both accounts share the password that was printed where it was started.
      </span>
      <span className={styles.demo}>
        {DEMO_ACCOUNTS.map((email) => (
          <Button key={email} onClick={() => onChoose(email)}>
            {email}
          </Button>
        ))}
      </span>
    </Notice>
  )
}

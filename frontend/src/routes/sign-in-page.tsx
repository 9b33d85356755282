import { useMutation, useQuery } from "@tanstack/react-query"
import { getRouteApi, useLocation, useRouter } from "@tanstack/react-router"
import { type FormEvent, useState } from "react"
import { aboutQuery, meQuery, signIn } from "@/api/session"
import { Button } from "@/components/button"
import { asksForCode, CodeField, SignInProblem } from "@/components/code-field"
import { TextField } from "@/components/field"
import { lazily } from "@/components/lazily"
import { Logo } from "@/components/logo"
import { Notice } from "@/components/notice"
import { useDocumentTitle } from "@/lib/use-document-title"
import { ProviderSignIn } from "./provider-sign-in"
import styles from "./sign-in-page.module.css"

const DEMO_ACCOUNTS = ["admin@demo.local", "annotator@demo.local"]

const route = getRouteApi("/sign-in")
// Few come for these.
const FirstSteps = lazily(() => import("./first-steps").then((found) => found.FirstSteps))
const PasswordByLink = lazily(() =>
  import("./password-by-link").then((found) => found.PasswordByLink),
)

/** Signing in, and what comes before it by a link, or after it before anything else. */
export function SignInPage() {
  const { next = "/projects", problem } = route.useSearch()
  const { hash } = useLocation()
  const { data: me } = useQuery(meQuery)
  const router = useRouter()
  const goOn = () => router.history.push(next)
  if (hash) return <PasswordByLink secret={hash} />
  if (me && !me.is_ready) return <FirstSteps me={me} onDone={goOn} />
  return <WaysIn next={next} problem={problem} onDone={goOn} />
}

type WaysInProps = { next: string; problem: string | undefined; onDone: () => void }

function WaysIn({ next, problem, onDone }: WaysInProps) {
  useDocumentTitle("Sign in")
  const { data: about } = useQuery(aboutQuery)
  const hasForm = about?.passwords !== false
  return (
    <main className={styles.page}>
      <div className={styles.panel}>
        <header className={styles.head}>
          <Logo size={52} />
          <h1>Sign in to weakseg</h1>
          <p>Segmentation models for street images, from a few seconds of labelling per image.</p>
        </header>
        {about?.provider && <ProviderSignIn label={about.provider} next={next} problem={problem} />}
        {about?.provider && hasForm && <p className={styles.or}>or with a password</p>}
        {hasForm && <PasswordForm isOnly={!about?.provider} onDone={onDone} />}
      </div>
    </main>
  )
}

function PasswordForm({ isOnly, onDone }: { isOnly: boolean; onDone: () => void }) {
  const [email, setEmail] = useState("")
  const [password, setPassword] = useState("")
  const [code, setCode] = useState("")
  const [isCodeAsked, setAsked] = useState(false)
  const entry = useMutation({
    mutationFn: signIn,
    onSuccess: onDone,
    onError: (error) => setAsked(asksForCode(error)),
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    entry.mutate({ email, password, code: isCodeAsked ? code : null })
  }
  return (
    <>
      <form className={styles.form} onSubmit={submit}>
        {entry.error && <SignInProblem error={entry.error} />}
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
        {isCodeAsked && <CodeField value={code} onChange={setCode} isRecovery />}
        <Button
          type="submit"
          variant={isOnly ? "primary" : "secondary"}
          isPending={entry.isPending}
        >
          Sign in
        </Button>
      </form>
      <DemoHint onChoose={setEmail} />
    </>
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

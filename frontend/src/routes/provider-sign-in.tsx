import { useMutation } from "@tanstack/react-query"
import { messageOf } from "@/api/client"
import { signInAtProvider } from "@/api/session"
import { Button } from "@/components/button"
import { Notice } from "@/components/notice"
import styles from "./sign-in-page.module.css"

/** What went wrong on the way back, by the server's codes: an address could say anything else. */
const PROBLEMS: Record<string, string> = {
  "sign-in-expired":
    "That took longer than ten minutes, was used before, or was begun in another browser. Sign in again.",
  "provider-refused": "You were not signed in there.",
  "provider-away": "It does not answer at the moment. Try again in a minute.",
  "provider-unusable":
    "It and this server do not agree. An administrator finds the reason in the server's log.",
  "sign-in-busy": "Too many people sign in at this moment. Try again.",
  "bad-id-token":
    "What it said of you could not be verified. An administrator finds the reason in the server's log.",
  "code-refused": "It did not take back what it had given you. Sign in again.",
  "no-email": "It does not say your e-mail address. Ask an administrator.",
  "unverified-email":
    "It does not say that your e-mail address is verified. Verify it there and sign in again.",
  "no-account": "You have no account here. Ask an administrator to add your e-mail address.",
  "account-deleted": "Your account here was deleted. An administrator can add it anew.",
  "locked-out": "Your account here is deactivated. Ask an administrator.",
  "other-identity":
    "The account with your e-mail address is linked with somebody else there. Ask an administrator.",
  "no-role": "It gives you no role here. Ask whoever says there what you may do.",
  "last-admin":
    "It does not make you an administrator any more, but you are the last one here. Another one has to be made first.",
  "too-many-attempts": "Too many sign-ins from your network have failed. Try again later.",
}

type ProviderSignInProps = { label: string; next: string; problem: string | undefined }

/** The way in by an OpenID provider. */
export function ProviderSignIn({ label, next, problem }: ProviderSignInProps) {
  const going = useMutation({ mutationFn: signInAtProvider })
  const said = going.error ? messageOf(going.error) : problem && wordsOf(problem)
  return (
    <div className={styles.form}>
      {said && <Notice tone="bad">{said}</Notice>}
      <Button
        variant="primary"
        isPending={going.isPending || going.isSuccess}
        onClick={() => going.mutate(next)}
      >
        {label}
      </Button>
    </div>
  )
}

/** Of a code that is none of ours, that it went wrong. */
export const wordsOf = (problem: string): string =>
  (Object.hasOwn(PROBLEMS, problem) && PROBLEMS[problem]) || "You could not be signed in."

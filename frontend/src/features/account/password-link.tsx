import type { PasswordLink } from "@/api/accounts"
import { CopyButton } from "@/components/copy-button"
import { Notice } from "@/components/notice"
import { formatMoment } from "@/lib/dates"
import styles from "./account.module.css"

/** A link to be sent to somebody, shown this once. */
export function PasswordLinkShown({ link, email }: { link: PasswordLink; email: string }) {
  const address = `${location.origin}${link.path}`
  return (
    <>
      <Notice tone="warn">Copy it now: it is not stored and cannot be shown again.</Notice>
      <div className={styles.secret}>
        <code>{address}</code>
        <CopyButton text={address} label="Copy link" />
      </div>
      <p className={styles.hint}>
        Send it to {email}. It sets their password once, until {formatMoment(link.expires_at)}.
      </p>
    </>
  )
}

import { useMutation } from "@tanstack/react-query"
import { messageOf } from "@/api/client"
import { type Me, signOut } from "@/api/session"
import { Button } from "@/components/button"
import { Page, PageHeading } from "@/components/layout"
import { Notice } from "@/components/notice"
import { ToastRegion } from "@/components/toast"
import { PasswordChange } from "@/features/account/password-form"
import { SecondFactorSetup } from "@/features/account/second-factor"
import styles from "./sign-in-page.module.css"

/** For who has to change their password, or set up a second factor, before anything else. */
export function FirstSteps({ me, onDone }: { me: Me; onDone: () => void }) {
  return (
    <main>
      <Page>
        <PageHeading
          title={titleFor(me)}
          subtitle={
            me.must_change_password
              ? "Somebody else knows the one that you signed in with."
              : me.by_provider
                ? "Administrators of this installation need one. Sign in again, with a second factor there."
                : "Administrators of this installation need one."
          }
        />
        <div className={styles.form}>
          {me.must_change_password ? (
            <PasswordChange onChanged={onDone} />
          ) : me.by_provider ? (
            <SignOutButton />
          ) : (
            <SecondFactorSetup action="Set up" onDone={onDone} />
          )}
        </div>
      </Page>
      <ToastRegion />
    </main>
  )
}

function titleFor(me: Me): string {
  if (me.must_change_password) return "Choose your own password"
  return me.by_provider ? "A second factor is needed" : "Set up a second factor"
}

function SignOutButton() {
  const leave = useMutation({ mutationFn: signOut })
  return (
    <>
      {leave.error && <Notice tone="bad">{messageOf(leave.error)}</Notice>}
      <div>
        <Button isPending={leave.isPending} onClick={() => leave.mutate()}>
          Sign out
        </Button>
      </div>
    </>
  )
}

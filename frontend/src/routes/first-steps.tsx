import type { Me } from "@/api/session"
import { Page, PageHeading } from "@/components/layout"
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
          title={me.must_change_password ? "Choose your own password" : "Set up a second factor"}
          subtitle={
            me.must_change_password
              ? "Somebody else knows the one that you signed in with."
              : "Administrators of this installation need one."
          }
        />
        <div className={styles.form}>
          {me.must_change_password ? (
            <PasswordChange onChanged={onDone} />
          ) : (
            <SecondFactorSetup action="Set up" onDone={onDone} />
          )}
        </div>
      </Page>
      <ToastRegion />
    </main>
  )
}

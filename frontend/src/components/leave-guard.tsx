import { useBlocker } from "@tanstack/react-router"
import { useEffect, useId, useSyncExternalStore } from "react"
import { allLosses, isAnythingLost, isSignedOut, noteLoss, onLosses } from "@/lib/losses"
import { AnchorButton } from "./button"
import styles from "./leave-guard.module.css"
import { Notice } from "./notice"

/** What leaving the page loses, in a sentence, while it does. */
export function useLoss(loss: string, isThere: boolean): void {
  const id = useId()
  useEffect(() => {
    noteLoss(id, isThere ? loss : null)
    return () => noteLoss(id, null)
  }, [id, loss, isThere])
}

/** Asks the person, once for all that would be lost. */
export const mayLeave = (): boolean =>
  !isAnythingLost() || window.confirm(`${allLosses()}\nLeave this page?`)

/**
 * Asks before the page is left, reloaded or closed with something on it that would be lost, and
 * keeps it when the session ends.
 */
export function LeaveGuard() {
  const isNeeded = useSyncExternalStore(onLosses, isAnythingLost)
  const mustSignIn = useSyncExternalStore(onLosses, isSignedOut)
  useBlocker({
    shouldBlockFn: ({ current, next }) => isAnotherPage(current, next) && !mayLeave(),
    disabled: !isNeeded,
    enableBeforeUnload: isNeeded,
  })
  if (!mustSignIn) return null
  return (
    <div className={styles.bar}>
      <Notice tone="warn">
        <p>
          You are not signed in any more. What you wrote is still here: sign in in a new window,
          come back, and save it again.
        </p>
        <div>
          <AnchorButton href="/sign-in" target="_blank">
            Sign in, in a new window
          </AnchorButton>
        </div>
      </Notice>
    </div>
  )
}

type Place = { pathname: string; search: object }

/** A jump within the page keeps what was typed. */
const isAnotherPage = (from: Place, to: Place): boolean =>
  from.pathname !== to.pathname || JSON.stringify(from.search) !== JSON.stringify(to.search)

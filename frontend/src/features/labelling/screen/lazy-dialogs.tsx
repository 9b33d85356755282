import { type ComponentProps, lazy, Suspense } from "react"
import type { Project } from "@/api/projects"
import type { Rules } from "../answer/sheet"
import type { Keymap } from "../keys/keymap"
import type { Keys } from "../loop/transport"
import type { SignInDialog as SignInDialogNow } from "./dialogs"
import type { Actions } from "./use-actions"

const loadDialogs = () => import("./dialogs")
const LazySkip = lazy(async () => ({ default: (await loadDialogs()).SkipDialog }))
const LazySignIn = lazy(async () => ({ default: (await loadDialogs()).SignInDialog }))
const HelpDialog = lazy(async () => ({ default: (await import("./help-dialog")).HelpDialog }))

/** The first image goes first; later there may be no network to fetch them by. */
export function preloadDialogs(): void {
  loadDialogs().catch(() => undefined)
}

export function SignInDialog(props: ComponentProps<typeof SignInDialogNow>) {
  return (
    <Suspense>
      <LazySignIn {...props} />
    </Suspense>
  )
}

type DialogsProps = {
  actions: Actions
  project: Project
  rules: Rules
  keymap: Keymap
  onKeys: (keys: Keys) => void
}

/** What the person has opened. */
export function Dialogs({ actions, project, rules, keymap, onKeys }: DialogsProps) {
  const onClose = () => actions.setDialog(null)
  const hasOverlay = project.show_predictions
  const help = { projectId: project.id, rules, keymap, hasOverlay, onKeys, onClose }
  return (
    <Suspense>
      {actions.dialog === "skip" && <LazySkip onSkip={actions.skip} onClose={onClose} />}
      {actions.dialog === "help" && <HelpDialog {...help} />}
    </Suspense>
  )
}

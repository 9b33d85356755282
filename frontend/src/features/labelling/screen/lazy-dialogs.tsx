import type { Project } from "@/api/projects"
import { lazily } from "@/components/lazily"
import type { Rules } from "../answer/sheet"
import type { Keymap } from "../keys/keymap"
import type { Keys } from "../loop/transport"
import type { Actions } from "./use-actions"

const loadDialogs = () => import("../later/dialogs")

export const SignInDialog = lazily(async () => (await loadDialogs()).SignInDialog)
const SkipDialog = lazily(async () => (await loadDialogs()).SkipDialog)
const HelpDialog = lazily(async () => (await import("../later/help-dialog")).HelpDialog)

/** The first image goes first; later there may be no network to fetch them by. */
export function preloadDialogs(): void {
  for (const dialog of [SignInDialog, SkipDialog, HelpDialog]) dialog.preload()
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
    <>
      {actions.dialog === "skip" && <SkipDialog onSkip={actions.skip} onClose={onClose} />}
      {actions.dialog === "help" && <HelpDialog {...help} />}
    </>
  )
}

import type { Project } from "@/api/projects"
import type { Rules } from "../answer/sheet"
import type { Keymap } from "../keys/keymap"
import type { Keys } from "../loop/transport"
import { HelpDialog, SkipDialog } from "./lazy-parts"
import type { Actions } from "./use-actions"

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

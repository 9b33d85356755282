import type { Project } from "@/api/projects"
import type { Keys } from "../loop/transport"
import type { Rules } from "../modes/mode"
import { HelpDialog, SkipDialog } from "./lazy-parts"
import type { Actions } from "./use-actions"

type DialogsProps = {
  actions: Actions
  project: Project
  rules: Rules
  onKeys: (keys: Keys) => void
}

/** What the person has opened. */
export function Dialogs({ actions, project, rules, onKeys }: DialogsProps) {
  const onClose = () => actions.setDialog(null)
  const { commands } = actions
  const hasOverlay = project.show_predictions
  const help = { projectId: project.id, rules, commands, hasOverlay, onKeys, onClose }
  return (
    <>
      {actions.dialog === "skip" && <SkipDialog onSkip={actions.skip} onClose={onClose} />}
      {actions.dialog === "help" && <HelpDialog {...help} />}
    </>
  )
}

import { useCallback } from "react"
import type { Project } from "@/api/projects"
import type { Me } from "@/api/session"
import type { Session } from "../loop/session"
import type { Keys } from "../loop/transport"
import { useFeed, useOutbox, useWorkspace } from "../loop/use-session"
import type { Rules } from "../modes/mode"
import { Flagging } from "../shared/flagging"
import { RulesWatch } from "../shared/rules-watch"
import { BreakNote } from "./break-note"
import { HelpDialog } from "./help-dialog"
import { SkipDialog } from "./skip-dialog"
import type { Actions } from "./use-actions"

type DialogsProps = {
  session: Session
  me: Me
  actions: Actions
  project: Project
  rules: Rules
  onKeys: (keys: Keys) => void
}

/** What the person has opened, and what opens by itself; none of it is needed to see an image. */
export function Dialogs({ session, me, actions, project, rules, onKeys }: DialogsProps) {
  const { dialog, setDialog, commands } = actions
  const { workspace } = session
  const { task, isPainted } = useWorkspace(session)
  const close = useCallback(() => {
    setDialog(null)
    // What closed it is no answer to a question about the image.
    workspace.askAnew()
  }, [setDialog, workspace])
  const openRules = useCallback(() => setDialog("rules"), [setDialog])
  const outbox = useOutbox(session)
  const feed = useFeed(session)
  const hasOverlay = project.show_predictions
  const help = { projectId: project.id, rules, commands, hasOverlay, onKeys, onClose: close }
  return (
    <>
      {dialog === "skip" && <SkipDialog onSkip={actions.skip} onClose={() => setDialog(null)} />}
      {dialog === "help" && <HelpDialog {...help} />}
      <RulesWatch
        project={project}
        isFree={dialog === null && isPainted}
        isOpen={dialog === "rules"}
        onOpen={openRules}
        onClose={close}
        timed={workspace}
      />
      <BreakNote />
      <Flagging
        projectId={project.id}
        me={me}
        image={task?.image ?? null}
        isOpen={dialog === "flag"}
        onClose={close}
        say={(text, isShown) => workspace.say(text, isShown)}
        isHindered={outbox.obstacle !== null || feed.obstacle !== null}
      />
    </>
  )
}

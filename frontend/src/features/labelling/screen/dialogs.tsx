import { useQueryClient } from "@tanstack/react-query"
import { useCallback, useEffect, useSyncExternalStore } from "react"
import { imageFlagsQuery } from "@/api/flags"
import type { Project } from "@/api/projects"
import type { Me } from "@/api/session"
import { newId } from "../loop/browser"
import { flagPostOf, waitingFor } from "../loop/flag-post"
import type { Session } from "../loop/session"
import type { Keys } from "../loop/transport"
import { useFeed, useOutbox, useWorkspace } from "../loop/use-session"
import type { Rules } from "../modes/mode"
import { RulesWatch } from "../shared/rules-watch"
import { BreakNote } from "./break-note"
import { FlagDialog } from "./flag-dialog"
import { FlagNotes } from "./flag-notes"
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
  const flags = useFlags(session, me)
  const flag = (text: string | null) => {
    close()
    if (task) flags.send(project.id, task.image, text)
  }
  const hasOverlay = project.show_predictions
  const help = { projectId: project.id, rules, commands, hasOverlay, onKeys, onClose: close }
  return (
    <>
      {dialog === "skip" && <SkipDialog onSkip={actions.skip} onClose={() => setDialog(null)} />}
      {dialog === "help" && <HelpDialog {...help} />}
      {dialog === "flag" && task && (
        <FlagDialog
          imageId={task.id}
          personId={me.id}
          waiting={waitingFor(flags.state.waiting, task.id)}
          onSend={flag}
          onClose={close}
        />
      )}
      <RulesWatch
        project={project}
        isFree={dialog === null && isPainted}
        isOpen={dialog === "rules"}
        onOpen={openRules}
        onClose={close}
        timed={workspace}
      />
      <BreakNote />
      <FlagNotes projectId={project.id} post={flags.post} state={flags.state} />
    </>
  )
}

/** The person's flags on their way, and how to send one. */
function useFlags(session: Session, me: Me) {
  const post = flagPostOf(me)
  const state = useSyncExternalStore(post.subscribe, post.snapshot)
  const queryClient = useQueryClient()
  const { obstacle } = useOutbox(session)
  const fed = useFeed(session).obstacle
  const isHindered = obstacle !== null || fed !== null
  useEffect(() => {
    // Somebody signed in again, or the server is back, as the labels have found.
    if (!isHindered) post.retry()
  }, [isHindered, post])
  const send = (
    projectId: number,
    image: { id: number; external_id: string },
    text: string | null,
  ) => {
    const about = { imageId: image.id, imageName: image.external_id, projectId }
    const by = { annotatorId: me.id, annotator: me.email, queuedAt: Date.now() }
    void post.add({ id: newId(), ...about, ...by, body: { text } })
    session.workspace.say(text === null ? "The flag is taken back." : "Flagged.", true)
    queryClient.removeQueries({ queryKey: imageFlagsQuery(image.id).queryKey })
  }
  return { post, state, send }
}

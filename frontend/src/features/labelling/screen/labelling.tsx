import { useEffect, useMemo, useRef, useState } from "react"
import type { Project } from "@/api/projects"
import type { Me } from "@/api/session"
import { type Keymap, keymapOf } from "../keys/commands"
import { useKeys } from "../keys/use-keys"
import { rulesOf } from "../loop/draft"
import type { Session } from "../loop/session"
import { useFeed, useOutbox, usePicture, useSession, useWorkspace } from "../loop/use-session"
import type { Said } from "../loop/workspace"
import type { StageControls } from "../stage/stage"
import { CategoryPanel } from "./category-panel"
import { Desk } from "./desk"
import { HelpDialog, SignInDialog, SkipDialog } from "./dialogs"
import styles from "./labelling.module.css"
import { RefusedLabels } from "./refused-labels"
import { ToolBar } from "./tool-bar"
import { TopBar } from "./top-bar"
import { useActions } from "./use-actions"
import { useCounts } from "./use-counts"

type LabellingProps = { project: Project; me: Me }

/** The page on which images get their labels. The project stays as it was when it was opened. */
export function Labelling({ project, me }: LabellingProps) {
  const [opened] = useState({ project, me })
  const session = useSession(opened.project, opened.me)
  return session && <OpenLabelling {...opened} session={session} />
}

function OpenLabelling({ project, me, session }: LabellingProps & { session: Session }) {
  const rules = useMemo(() => rulesOf(project), [project])
  const keymap = useMemo(() => keymapOf(project.categories), [project])
  const stage = useRef<StageControls>(null)
  const actions = useActions(session, rules, stage)
  const { task, draft, stepsBack, said, times, finished } = useWorkspace(session)
  const outbox = useOutbox(session)
  const signIn = useSignIn(session)
  const picture = usePicture(session, task?.id ?? null)
  const waiting = outbox.waiting.length
  const counted = useCounts(project, { done: finished - waiting, isIdle: !task && waiting === 0 })

  useKeys(keymap, actions, actions.dialog === null && !signIn.isAsked)
  useInputs(session)

  const hasOverlay = picture?.state === "ready" && picture.picture.overlay !== null
  const overlay = hasOverlay &&
    task?.prediction && {
      run: `Run ${task.prediction.run_id}`,
      opacity: actions.opacity,
      onOpacity: actions.setOpacity,
      isHidden: actions.isHidden,
    }
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keeps the focus where it is
    <div className={styles.page} onMouseDown={keepFocus}>
      <TopBar
        project={counted.project}
        left={counted.left}
        imageName={task?.image.external_id ?? null}
        times={times}
        outbox={outbox}
      />
      <main className={styles.desk}>
        <Desk
          session={session}
          project={counted.project}
          left={counted.left}
          actions={actions}
          picture={picture}
          stage={stage}
        />
        <RefusedLabels outbox={session.outbox} refused={outbox.refused} />
      </main>
      <aside className={styles.panel}>
        {draft && (
          <CategoryPanel
            rules={rules}
            sheet={draft.history.present}
            prefilled={draft.prefilled}
            prediction={task?.prediction ?? null}
            onTick={actions.tick}
            onDoubt={actions.doubt}
          />
        )}
      </aside>
      <footer className={styles.tools}>
        <ToolBar
          keymap={keymap}
          run={actions.run}
          release={actions.release}
          asksPoints={rules.asksPoints}
          isReview={stepsBack > 0}
          canSkip={task !== null}
          canSubmit={picture?.state === "ready"}
          overlay={overlay || null}
        />
      </footer>
      <Messages said={said} />
      <Dialogs actions={actions} project={project} keymap={keymap} />
      {signIn.isAsked && (
        <SignInDialog me={me} waiting={waiting} onSignedIn={signIn.done} onClose={signIn.putOff} />
      )}
    </div>
  )
}

/** Two regions in turn: a message with the same words as the last is still read out. */
function Messages({ said }: { said: Said }) {
  return (
    <>
      {[0, 1].map((turn) => (
        <p key={turn} className={styles.said} aria-live="polite">
          {said.number % 2 === turn && said.text}
        </p>
      ))}
      {said.isShown && (
        <p key={said.number} className={styles.hint} aria-hidden="true">
          {said.text}
        </p>
      )}
    </>
  )
}

type DialogsProps = { actions: ReturnType<typeof useActions>; project: Project; keymap: Keymap }

function Dialogs({ actions, project, keymap }: DialogsProps) {
  const close = () => actions.setDialog(null)
  if (actions.dialog === "skip") return <SkipDialog onSkip={actions.skip} onClose={close} />
  if (actions.dialog !== "help") return null
  const has = { points: project.label_kinds.includes("point"), overlay: project.show_predictions }
  return <HelpDialog keymap={keymap} has={has} onClose={close} />
}

/** A press with the mouse takes no focus: the next Enter is meant for the image. */
function keepFocus(event: React.MouseEvent<HTMLElement>): void {
  const isInside = event.currentTarget.contains(event.target as Node)
  const isControl = (event.target as Element).closest("input, label, textarea") !== null
  if (isInside && !isControl) event.preventDefault()
}

/** Asks to sign in when the server says that nobody is; at most once until work goes on. */
function useSignIn(session: Session) {
  const isOut = [useOutbox(session).obstacle, useFeed(session).obstacle].includes("signed-out")
  const [isPutOff, setPutOff] = useState(false)
  const isAsked = isOut && !isPutOff
  useEffect(() => {
    const clock = session.workspace.clock()
    if (isAsked) clock?.startWait()
    else clock?.endWait()
  }, [isAsked, session])
  const done = () => {
    setPutOff(false)
    session.resume()
  }
  return { isAsked, done, putOff: () => setPutOff(true) }
}

/** Whatever a person does counts as input on the clock of the image. */
function useInputs({ workspace }: Session): void {
  useEffect(() => {
    const kinds = ["keydown", "pointerdown", "pointermove", "wheel"] as const
    const note = () => workspace.clock()?.input()
    for (const kind of kinds) window.addEventListener(kind, note, { passive: true })
    return () => {
      for (const kind of kinds) window.removeEventListener(kind, note)
    }
  }, [workspace])
}

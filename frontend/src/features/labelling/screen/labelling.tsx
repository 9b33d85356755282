import { useEffect, useMemo, useRef, useState } from "react"
import type { Project } from "@/api/projects"
import type { Me } from "@/api/session"
import { rulesOf } from "../answer/answer"
import { isBeforePoints, type Rules, type Sheet } from "../answer/sheet"
import { keymapOf } from "../keys/keymap"
import { useKeys } from "../keys/use-keys"
import type { Task } from "../loop/draft"
import type { PictureState } from "../loop/gallery"
import type { Session } from "../loop/session"
import { useFeed, useOutbox, usePicture, useSession, useWorkspace } from "../loop/use-session"
import type { Said } from "../loop/workspace"
import type { Picture } from "../stage/picture"
import type { StageControls } from "../stage/stage"
import { BreakNote } from "./break-note"
import { CategoryPanel } from "./category-panel"
import { Desk } from "./desk"
import styles from "./labelling.module.css"
import { Dialogs, SignInDialog } from "./lazy-dialogs"
import { preloadParts, RefusedLabels } from "./lazy-parts"
import { ToolBar } from "./tool-bar"
import { TopBar } from "./top-bar"
import { useActions } from "./use-actions"
import { useCounts } from "./use-counts"
import { useDress } from "./use-dress"
import { useStreak } from "./use-pace"

type LabellingProps = { project: Project; me: Me }

/** The page on which images get their labels. The project stays as it was when it was opened. */
export function Labelling({ project, me }: LabellingProps) {
  const [opened] = useState({ project, me })
  const session = useSession(opened.project, opened.me)
  return session && <OpenLabelling {...opened} session={session} />
}

function OpenLabelling({ project, me, session }: LabellingProps & { session: Session }) {
  const dress = useDress({ project, personId: me.id, session })
  const rules = useMemo(
    () => rulesOf({ ...project, categories: dress.categories }),
    [project, dress.categories],
  )
  const keymap = useMemo(
    () => keymapOf(rules.categories, rules.mode === "tiles" ? rules.grid : null),
    [rules],
  )
  const stage = useRef<StageControls>(null)
  const actions = useActions({ session, rules, personId: me.id, stage })
  const { task, draft, stepsBack, said, times, finished } = useWorkspace(session)
  const outbox = useOutbox(session)
  const { isDry } = useFeed(session)
  const streak = useStreak(me.id, times.length)
  const signIn = useSignIn(session)
  const picture = usePicture(session, task?.id ?? null)
  const waiting = outbox.waiting.length
  const isIdle = isDry && !task && waiting === 0
  const counted = useCounts(project, { done: finished - waiting, isIdle })

  useKeys(keymap, actions, dress.isReady && actions.dialog === null && !signIn.isAsked)
  useInputs(session)

  const isSeen = picture?.state === "ready"
  const isPainted = Boolean(draft?.clock)
  useEffect(() => {
    if (isPainted) preloadParts()
  }, [isPainted])
  const model = modelOf(task, picture)
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keeps the focus where it is
    <div className={styles.page} onMouseDown={keepFocus}>
      <TopBar
        project={counted.project}
        left={counted.left}
        imageName={task?.image.external_id ?? null}
        times={times}
        streak={streak}
        outbox={outbox}
      />
      <main className={styles.desk}>
        <Desk
          {...{ session, rules, actions, picture, stage }}
          project={counted.project}
          left={counted.left}
        />
        <BreakNote />
        {outbox.refused.length > 0 && (
          <RefusedLabels outbox={session.outbox} refused={outbox.refused} />
        )}
      </main>
      <aside className={styles.panel} aria-label="Answer">
        {draft && (
          <CategoryPanel
            {...{ rules, draft }}
            prediction={task?.prediction ?? null}
            isFinding={actions.isFinding}
            onFound={actions.stopFinding}
            onTick={actions.tick}
            onDoubt={actions.doubt}
            onPoint={actions.seeing.showOnly}
          />
        )}
      </aside>
      <footer className={styles.tools}>
        <ToolBar
          {...{ keymap, rules, model }}
          {...actions}
          hasSafeColors={dress.hasSafeColors}
          onSafeColors={dress.setSafeColors}
          next={draft ? nextStep(draft.history.present, rules, stepsBack > 0) : "Save and next"}
          isReview={stepsBack > 0}
          canSkip={task !== null}
          canSubmit={isSeen}
        />
      </footer>
      <Messages said={said} />
      <Dialogs {...{ actions, project, rules, keymap }} onKeys={dress.setKeys} />
      {signIn.isAsked && (
        <SignInDialog me={me} waiting={waiting} onSignedIn={signIn.done} onClose={signIn.putOff} />
      )}
    </div>
  )
}

/** Names the model whose prediction is there to be seen. */
function modelOf(task: Task | null, picture: PictureState<Picture> | null): string | null {
  const hasOverlay = picture?.state === "ready" && picture.picture.overlay !== null
  return hasOverlay && task?.prediction ? `Run ${task.prediction.run_id}` : null
}

/** What Enter and its button do now. */
function nextStep(sheet: Sheet, rules: Rules, isReview: boolean): string {
  if (isBeforePoints(sheet, rules)) return "Now the points"
  return isReview ? "Save change" : "Save and next"
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

/** A press with the mouse takes no focus: the next Enter is meant for the image. */
function keepFocus(event: React.MouseEvent<HTMLElement>): void {
  const isInside = event.currentTarget.contains(event.target as Node)
  const isControl = (event.target as Element).closest("input, label, textarea, dialog") !== null
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

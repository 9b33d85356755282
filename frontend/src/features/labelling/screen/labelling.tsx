import { useEffect, useMemo, useRef, useState } from "react"
import type { Project } from "@/api/projects"
import type { Me } from "@/api/session"
import { classNames } from "@/components/class-names"
import { noteInputs } from "@/lib/clock"
import { useShortcuts } from "@/lib/commands"
import type { Task } from "../loop/draft"
import type { PictureState } from "../loop/picture-cache"
import type { Session } from "../loop/session"
import { useFeed, useOutbox, usePicture, useSession, useWorkspace } from "../loop/use-session"
import type { Message } from "../loop/work-queue"
import type { WorkspaceState } from "../loop/workspace-state"
import type { Rules } from "../modes/mode"
import { rulesOf } from "../modes/rules"
import { SignInDialog } from "../shared/lazy-sign-in"
import { Spoken } from "../shared/spoken"
import { useSignIn } from "../shared/use-sign-in"
import { useSinglePresses } from "../shared/use-single-presses"
import type { Picture } from "../stage/picture"
import type { StageControls } from "../stage/stage"
import { CategoryPanel } from "./category-panel"
import { Desk } from "./desk"
import styles from "./labelling.module.css"
import { Dialogs, preloadParts, RefusedLabels } from "./lazy-parts"
import { ToolBar } from "./tool-bar"
import { TopBar } from "./top-bar"
import { useActions } from "./use-actions"
import { useCounts } from "./use-counts"
import { useStreak } from "./use-pace"
import { usePersonalCategories } from "./use-personal-categories"

type LabellingProps = { project: Project; me: Me }

/** The page on which images get their labels. The project stays as it was when it was opened. */
export function Labelling({ project, me }: LabellingProps) {
  const [opened] = useState({ project, me })
  const session = useSession(opened.project, opened.me)
  return session && <OpenLabelling {...opened} session={session} />
}

function OpenLabelling({ project, me, session }: LabellingProps & { session: Session }) {
  const personal = usePersonalCategories({ project, personId: me.id, session })
  const rules = useMemo(
    () => rulesOf({ ...project, categories: personal.categories }),
    [project, personal.categories],
  )
  const stage = useRef<StageControls>(null)
  const actions = useActions({ session, rules, personId: me.id, stage })
  const { task, draft, stepsBack, message, times, finished, isAsked, isPainted } =
    useWorkspace(session)
  const outbox = useOutbox(session)
  const { isDry, obstacle } = useFeed(session)
  const streak = useStreak(me.id, times.length)
  const signIn = useSignIn({
    obstacles: [outbox.obstacle, obstacle],
    timed: session.workspace,
    resume: session.resume,
  })
  const picture = usePicture(session, task?.id ?? null)
  const waiting = outbox.waiting.length
  const isIdle = isDry && !task && waiting === 0
  const counted = useCounts(project, { done: finished - waiting, isIdle })

  useShortcuts(actions.shortcuts, personal.isReady && actions.dialog === null && !signIn.isAsked)
  useInputs(session)
  useSinglePresses()

  useEffect(() => session.noteLeft(counted.left), [session, counted.left])
  const isSeen = picture?.state === "ready"
  const isBegun = useBegun([isPainted, isDry, actions.dialog].some(Boolean))
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
          isOpen={isPainted && personal.isReady}
          project={counted.project}
          left={counted.left}
        />
        {outbox.refused.length > 0 && (
          <RefusedLabels
            outbox={session.outbox}
            refused={outbox.refused.map((parcel) => ({ ...parcel, name: parcel.imageName }))}
          />
        )}
      </main>
      <aside className={styles.panel} aria-label="Answer">
        {draft && (
          <CategoryPanel
            {...{ rules, draft }}
            imageId={task?.id}
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
          {...{ rules, model, isBegun }}
          {...actions}
          hasSafeColors={personal.hasSafeColors}
          onSafeColors={personal.setSafeColors}
          next={nextStep(draft, rules, stepsBack > 0)}
          isReview={stepsBack > 0}
          canSkip={task !== null}
          canSubmit={isSeen}
        />
      </footer>
      <Messages message={message} isStaying={isAsked} />
      {isBegun && (
        <Dialogs {...{ session, me, actions, project, rules }} onKeys={personal.setKeys} />
      )}
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
function nextStep(draft: WorkspaceState["draft"], rules: Rules, isReview: boolean): string {
  if (draft && rules.mode.isBeforePoints(draft.history.present)) return "Now the points"
  return isReview ? "Save change" : "Save and next"
}

/** What is said passes; a question stays until it is answered. */
function Messages({ message, isStaying }: { message: Message; isStaying: boolean }) {
  return (
    <>
      <Spoken message={message} />
      {message.isShown && (
        <p
          key={message.number}
          className={classNames(styles.hint, isStaying && styles.staying)}
          aria-hidden="true"
        >
          {message.text}
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

/** Whether there is time for the other parts: an image was seen, there is none, or one is asked for. */
function useBegun(isNow: boolean): boolean {
  const [isBegun, setBegun] = useState(false)
  useEffect(() => {
    if (!isNow) return
    preloadParts()
    setBegun(true)
  }, [isNow])
  return isBegun
}

/** Whatever a person does counts as input on the clock of the image. */
function useInputs({ workspace }: Session): void {
  useEffect(() => noteInputs(workspace), [workspace])
}

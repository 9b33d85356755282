import { ImageOff, LoaderCircle } from "lucide-react"
import { type RefObject, useCallback } from "react"
import type { Project } from "@/api/projects"
import { Button } from "@/components/button"
import type { PictureState } from "../loop/picture-cache"
import type { Session } from "../loop/session"
import { useFeed, useOutbox, useWorkspace } from "../loop/use-session"
import type { Rules } from "../modes/mode"
import { Fetching, Message } from "../shared/message"
import type { Picture } from "../stage/picture"
import { Stage, type StageControls } from "../stage/stage"
import styles from "./labelling.module.css"
import { ReviewNote, Standstill } from "./lazy-parts"
import type { Actions } from "./use-actions"
import { usePrevious } from "./use-previous"

type DeskProps = {
  session: Session
  project: Project
  rules: Rules
  /** Images that still need labels. */
  left: number
  actions: Actions
  /** Whether answers are taken: once the image is painted and the person's keys are known. */
  isOpen: boolean
  picture: PictureState<Picture> | null
  stage: RefObject<StageControls | null>
}

/** The image, or why there is none. */
export function Desk(props: DeskProps) {
  const { session, project, rules, left, actions, isOpen, picture, stage } = props
  const { task, draft, stepsBack, times } = useWorkspace(session)
  const { workspace } = session
  const painted = useCallback((imageId: number) => workspace.painted(imageId), [workspace])
  const { seeing } = actions
  const { categories } = rules
  const isHeld = seeing.held.has("previous")
  const previous = usePrevious({ session, task, projectId: project.id, categories, isHeld })
  if (!(task && draft)) return <NoImage {...{ session, project, left }} done={times.length} />
  if (picture?.state === "failed") {
    return (
      <Message icon={ImageOff} title="This image cannot be shown" text={picture.problem} isAlert>
        <Button onClick={session.resume}>Try again</Button>
      </Message>
    )
  }
  if (picture?.state !== "ready")
    return <Message icon={LoaderCircle} title="Loading the image" isBusy />
  const run = previous?.run ?? task.prediction?.run_id
  return (
    <>
      <Stage
        imageId={task.id}
        image={task.image}
        picture={picture.picture}
        isOpen={isOpen}
        sheet={draft.history.present}
        rules={rules}
        look={seeing.look}
        overlay={previous?.overlay ?? picture.picture.overlay}
        view={seeing.view}
        model={run === undefined ? null : `Run ${run}`}
        onPaint={painted}
        handlers={actions}
        controls={stage}
      />
      {previous && <p className={styles.flicker}>Before: run {previous.run}</p>}
      {task.isBlind && !task.prediction && (
        <p className={styles.blind}>blind: no prediction is shown</p>
      )}
      {stepsBack > 0 && <ReviewNote stepsBack={stepsBack} skipped={draft.skipped} />}
    </>
  )
}

type NoImageProps = Pick<DeskProps, "session" | "project" | "left"> & {
  /** Labels of this session. */
  done: number
}

function NoImage({ session, project, left, done }: NoImageProps) {
  const feed = useFeed(session)
  const { waiting } = useOutbox(session)
  const isFetching = !(feed.isDry || feed.problem || feed.obstacle === "unreachable")
  if (isFetching) return <Fetching />
  const onRetry = session.resume
  return <Standstill {...{ project, left, feed, done, onRetry }} waiting={waiting.length} />
}

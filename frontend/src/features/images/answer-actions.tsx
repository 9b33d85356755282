import { PenLine, RotateCcw } from "lucide-react"
import { useState } from "react"
import type { ImageDetail, ImageFilter } from "@/api/images"
import { leads } from "@/api/members"
import type { Project } from "@/api/projects"
import type { Me } from "@/api/session"
import { Button, LinkButton } from "@/components/button"
import styles from "./image-view.module.css"
import { RequeueDialog } from "./requeue"

type AnswerActionsProps = {
  project: Project
  image: ImageDetail
  filter: ImageFilter
  me: Me
}

/** What can be done when the labels of an image are not right. */
export function AnswerActions({ project, image, filter, me }: AnswerActionsProps) {
  const [isAsking, setAsking] = useState(false)
  const isReviewer = leads(project)
  const isMine = image.history.some(({ annotator_id }) => annotator_id === me.id)
  if (!(isMine || (isReviewer && image.history.length > 0))) return null
  return (
    <div className={styles.actions}>
      <LinkButton
        to="/projects/$projectId/images/$imageId/answer"
        params={{ projectId: project.id, imageId: image.id }}
        search={filter}
      >
        <PenLine aria-hidden="true" />
        {isReviewer && image.disputed_at !== null ? "Decide" : "Correct"}
      </LinkButton>
      {isReviewer && (
        <Button onClick={() => setAsking(true)}>
          <RotateCcw aria-hidden="true" />
          Hand out again
        </Button>
      )}
      <RequeueDialog
        projectId={project.id}
        imageIds={[image.id]}
        isOpen={isAsking}
        onClose={() => setAsking(false)}
      />
    </div>
  )
}

import { CircleCheckBig, Hourglass, ImageOff, Users } from "lucide-react"
import type { Project } from "@/api/projects"
import { progressOf } from "@/api/projects"
import { Button, LinkButton } from "@/components/button"
import { formatPlural } from "@/lib/format"
import type { FeedState } from "../loop/feed"
import type { Lease } from "../loop/transport"
import { Message } from "../shared/message"
import { Waiting } from "../shared/waiting"

type StandstillProps = {
  project: Project
  /** Answers that are still wanted, of whomever. */
  left: number
  feed: FeedState<Lease>
  /** Labels of this session. */
  done: number
  /** Labels that are not with the server yet. */
  waiting: number
  onRetry: () => void
}

/** What stands in the image's place when there is none. */
export function Standstill({ project, left, feed, done, waiting, onRetry }: StandstillProps) {
  const again = <Button onClick={onRetry}>Look again</Button>
  const home = (
    <LinkButton to="/projects/$projectId" params={{ projectId: project.id }} variant="primary">
      Back to the project
    </LinkButton>
  )
  return (
    <Waiting feed={feed} again={again} home={home}>
      <Message {...endOf(project, { left, done, waiting })}>
        {again}
        {home}
      </Message>
    </Waiting>
  )
}

type Ending = { left: number; done: number; waiting: number }

/** Why there is nothing left for this person. */
export function endOf(project: Pick<Project, "images">, { left, done, waiting }: Ending) {
  const { images } = project
  const { noun } = progressOf(project)
  const thanks = done > 0 ? ` You labelled ${formatPlural(done, "image")} in this session.` : ""
  if (waiting > 0) {
    const text = `The last ${formatPlural(waiting, "label")} are being sent.${thanks}`
    return { icon: Hourglass, title: "Nothing more for you just now", text }
  }
  if (images.ready + images.registered === 0) {
    return { icon: ImageOff, title: "There are no images yet", text: "Import some to label them." }
  }
  if (left > 0) {
    const text = `The last ${formatPlural(left, noun)} are left to other people. What they give back comes here by itself.${thanks}`
    return { icon: Users, title: "Nothing more for you just now", text }
  }
  return { icon: CircleCheckBig, title: "All images are labelled", text: thanks.trim() }
}

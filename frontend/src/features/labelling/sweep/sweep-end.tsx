import { CircleCheckBig, Hourglass, ImageOff, Users } from "lucide-react"
import type { Project } from "@/api/projects"
import { Button, LinkButton } from "@/components/button"
import { formatPlural } from "@/lib/format"
import type { FeedState } from "../loop/feed"
import { Message } from "../shared/message"
import { Waiting } from "../shared/waiting"
import type { Held } from "./pages"

type EndProps = {
  project: Project
  category: string
  /** Images that not enough people have answered; null while nobody knows. */
  left: number | null
  /** Pages that are not with the server yet. */
  waiting: number
  feed: FeedState<Held>
  onRetry: () => void
}

/** What stands in a page's place when there is none. */
export function SweepEnd({ project, category, left, waiting, feed, onRetry }: EndProps) {
  const again = <Button onClick={onRetry}>Look again</Button>
  const params = { projectId: project.id }
  return (
    <Waiting feed={feed} again={again}>
      <Message {...endOf({ project, category, left, waiting })}>
        {again}
        <LinkButton to="/projects/$projectId/sweep" params={params} search={{}} variant="primary">
          Another category
        </LinkButton>
      </Message>
    </Waiting>
  )
}

/** Why there is nothing left for this person. */
function endOf({ project, category, left, waiting }: Omit<EndProps, "feed" | "onRetry">) {
  if (waiting > 0) {
    const text = `The last ${formatPlural(waiting, "page")} are being sent.`
    return { icon: Hourglass, title: "Nothing more for you just now", text }
  }
  if (left !== null && left > 0) {
    const text = `Of ${category}, ${formatPlural(left, "image is", "images are")} left: with other people, or to be judged without a hint while labelling.`
    return { icon: Users, title: "Nothing more for you just now", text }
  }
  if (project.images.ready + project.images.registered === 0) {
    const text = "Import some to sweep them."
    return { icon: ImageOff, title: "There are no images yet", text }
  }
  return {
    icon: CircleCheckBig,
    title: `${category} is answered for all images`,
    text: "What you said counts at once, also for images that wait to be labelled as a whole.",
  }
}

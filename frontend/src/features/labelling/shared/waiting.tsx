import { CloudOff } from "lucide-react"
import type { ReactNode } from "react"
import type { FeedState } from "../loop/feed"
import { Fetching, Message } from "./message"

type WaitingProps = {
  feed: Pick<FeedState<unknown>, "isDry" | "obstacle" | "problem">
  again: ReactNode
  /** The way out when waiting will not help. */
  home?: ReactNode
  children: ReactNode
}

/** Why nothing is there yet; the children once nothing more will come. */
export function Waiting({ feed, again, home, children }: WaitingProps) {
  if (feed.problem) {
    return (
      <Message icon={CloudOff} title="No images can be had" text={feed.problem} isAlert>
        {again}
        {home}
      </Message>
    )
  }
  if (feed.obstacle === "unreachable") {
    const text = "The server cannot be reached. New images come by themselves as soon as it can."
    return (
      <Message icon={CloudOff} title="Waiting for the server" text={text} isAlert>
        {again}
      </Message>
    )
  }
  return feed.isDry ? children : <Fetching />
}

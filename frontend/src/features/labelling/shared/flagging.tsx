import { useQueryClient } from "@tanstack/react-query"
import { useEffect, useState, useSyncExternalStore } from "react"
import { imageFlagsQuery } from "@/api/flags"
import type { Me } from "@/api/session"
import { newId } from "../loop/browser"
import { flagPostOf, waitingFor } from "../loop/flag-post"
import { FlagDialog } from "./flag-dialog"
import { FlagNotes } from "./flag-notes"

type Image = { id: number; external_id: string }

type FlaggingProps = {
  projectId: number
  me: Me
  /** The image that the page is about. */
  image: Image | null
  /** Whether the person asks to flag it. */
  isOpen: boolean
  onClose: () => void
  say: (text: string, isShown: boolean) => void
  /** Whether answers stand above what the page is about, in place of over it. */
  isAbove?: boolean
  /** Whether the answers of the page can not reach the server, or nobody is signed in. */
  isHindered: boolean
}

/** The person's flags: one to be written, those on their way, and the answers to them. */
export function Flagging(props: FlaggingProps) {
  const { projectId, me, onClose, say, isHindered, isAbove = false } = props
  const image = useAsked(props)
  const post = flagPostOf(me)
  const state = useSyncExternalStore(post.subscribe, post.snapshot)
  const queryClient = useQueryClient()
  useEffect(() => {
    // Somebody signed in again, or the server is back, as the answers have found.
    if (!isHindered) post.retry()
  }, [isHindered, post])
  const send = (text: string | null) => {
    onClose()
    if (!image) return
    const about = { imageId: image.id, imageName: image.external_id, projectId }
    const by = { annotatorId: me.id, annotator: me.email, queuedAt: Date.now() }
    void post.add({ id: newId(), ...about, ...by, body: { text } })
    say(text === null ? "The flag is taken back." : "Flagged.", true)
    queryClient.removeQueries({ queryKey: imageFlagsQuery(image.id).queryKey })
  }
  return (
    <>
      {image && (
        <FlagDialog
          image={image}
          personId={me.id}
          waiting={waitingFor(state.waiting, image.id)}
          onSend={send}
          onClose={onClose}
        />
      )}
      <FlagNotes projectId={projectId} post={post} state={state} isAbove={isAbove} />
    </>
  )
}

/** The image of the moment at which it was asked for: the page may lose it while somebody types. */
function useAsked({ image, isOpen }: Pick<FlaggingProps, "image" | "isOpen">): Image | null {
  const [asked, setAsked] = useState<Image | null>(null)
  if (isOpen && !asked && image) setAsked(image)
  if (!isOpen && asked) setAsked(null)
  return isOpen ? asked : null
}

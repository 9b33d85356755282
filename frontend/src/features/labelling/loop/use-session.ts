import { useEffect, useState, useSyncExternalStore } from "react"
import type { Project } from "@/api/projects"
import type { Me } from "@/api/session"
import type { Picture } from "../stage/picture"
import type { PictureState } from "./picture-cache"
import { openSession, type Session } from "./session"

/** Opened once the page is there, closed when it is left. Another `project` is another session. */
export function useSession(project: Project, me: Me): Session | null {
  const [session, setSession] = useState<Session | null>(null)
  useEffect(() => {
    const started = openSession(project, me)
    setSession(started)
    return () => started.close()
  }, [project, me])
  return session
}

export const useWorkspace = ({ workspace }: Session) =>
  useSyncExternalStore(workspace.subscribe, workspace.snapshot)

export const useFeed = ({ feed }: Session) => useSyncExternalStore(feed.subscribe, feed.snapshot)

export const useOutbox = ({ outbox }: Session) =>
  useSyncExternalStore(outbox.subscribe, outbox.snapshot)

export const usePicture = (
  { pictures }: Session,
  id: number | null,
): PictureState<Picture> | null =>
  useSyncExternalStore(pictures.subscribe, () => (id === null ? null : pictures.get(id)))

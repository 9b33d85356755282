import { useEffect, useState, useSyncExternalStore } from "react"
import type { Project } from "@/api/projects"
import type { Me } from "@/api/session"
import { openSweep, type SweepSession } from "./open-sweep"

/** Opened once the page is there, closed when it is left. */
export function useSweepSession(project: Project, category: string, me: Me): SweepSession | null {
  const [session, setSession] = useState<SweepSession | null>(null)
  useEffect(() => {
    const started = openSweep(project, category, me)
    setSession(started)
    return () => started.close()
  }, [project, category, me])
  return session
}

type Watchable<State> = { subscribe: (run: () => void) => () => void; snapshot: () => State }

/** The state of a part of the session, as it is now. */
export const useSnapshot = <State>({ subscribe, snapshot }: Watchable<State>): State =>
  useSyncExternalStore(subscribe, snapshot)

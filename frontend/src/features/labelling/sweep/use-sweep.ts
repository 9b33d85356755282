import { useEffect, useRef, useState, useSyncExternalStore } from "react"
import type { Project } from "@/api/projects"
import type { Me } from "@/api/session"
import { commandOf, mayRepeat, type SweepCommandId } from "./commands"
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

/** Listens to the whole page for as long as `isOn`. */
export function useCommands(run: (id: SweepCommandId) => void, isOn: boolean): void {
  const latest = useRef(run)
  useEffect(() => {
    latest.current = run
  })
  useEffect(() => {
    if (!isOn) return
    const down = (event: KeyboardEvent) => {
      const id = commandOf(event)
      if (!id) return
      event.preventDefault()
      if (!event.repeat || mayRepeat(id)) latest.current(id)
    }
    // A button presses itself when Space comes up; on an image the key has done its work by then.
    const up = (event: KeyboardEvent) => commandOf(event) === "mark" && event.preventDefault()
    window.addEventListener("keydown", down)
    window.addEventListener("keyup", up)
    return () => {
      window.removeEventListener("keydown", down)
      window.removeEventListener("keyup", up)
    }
  }, [isOn])
}

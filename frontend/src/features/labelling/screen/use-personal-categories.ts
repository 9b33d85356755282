import { useEffect, useMemo, useState } from "react"
import type { Project } from "@/api/projects"
import type { Session } from "../loop/session"
import { type Keys, ownKeys } from "../loop/transport"
import { personalCategories } from "./personal-categories"
import { useRemembered } from "./use-remembered"

type Options = { project: Project; personId: number; session: Session }

/** The categories in this person's own keys and colours. */
export function usePersonalCategories({ project, personId, session }: Options) {
  const [keys, setKeys] = useState<Keys | null>(null)
  const [isReady, setReady] = useState(false)
  const place = `weakseg.safe-colors.${personId}`
  const [hasSafeColors, setSafeColors] = useRemembered(place, (kept) => kept === true)
  useEffect(() => {
    // Without an answer the project's own keys do.
    void ownKeys(project.id)
      .then(setKeys, () => undefined)
      .finally(() => setReady(true))
  }, [project.id])
  const categories = useMemo(
    () => personalCategories(project.categories, { keys, hasSafeColors }),
    [project.categories, keys, hasSafeColors],
  )
  const colors = categories.map((category) => category.color).join()
  useEffect(() => session.paintIn(colors.split(",")), [session, colors])
  return { categories, isReady, setKeys, hasSafeColors, setSafeColors }
}

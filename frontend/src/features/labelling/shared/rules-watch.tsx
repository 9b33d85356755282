import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { useEffect } from "react"
import type { Project } from "@/api/projects"
import { noteRulesSeen, type Rules, rulesQuery } from "@/api/rules"
import { AnchorButton, Button } from "@/components/button"
import { Dialog, DialogActions } from "@/components/dialog"
import { lazily } from "@/components/lazily"
import { Loaded } from "@/components/states"
import type { Clock } from "@/lib/clock"
import styles from "./rules-watch.module.css"

/** Apart from all else, as it reads Markdown. */
const RulesView = lazily(async () => (await import("@/components/rules-view")).RulesView)

const LOOK_AGAIN_MS = 5 * 60_000

type WatchProps = {
  project: Project
  /** Whether nothing else is open that the rules would come in the way of. */
  isFree: boolean
  isOpen: boolean
  onOpen: () => void
  onClose: () => void
  /** Whose clock stands still while somebody reads. */
  timed: { clock: () => Clock | null }
}

/** The rules of the project: by themselves once for each version, and whenever they are asked for. */
export function RulesWatch({ project, isFree, isOpen, onOpen, onClose, timed }: WatchProps) {
  const query = useQuery({ ...rulesQuery(project.id), refetchInterval: LOOK_AGAIN_MS })
  const noteSeen = useSeen(project.id)
  const isNew = isUnseen(query.data)
  useEffect(() => {
    if (isNew && isFree && !isOpen) onOpen()
  }, [isNew, isFree, isOpen, onOpen])
  if (!isOpen) return null
  const close = () => {
    if (isNew && query.data) noteSeen(query.data)
    onClose()
  }
  return <RulesDialog {...{ project, query, isNew, timed }} onClose={close} />
}

const isUnseen = (rules: Rules | undefined): boolean =>
  rules !== undefined && !rules.seen && rules.sections.length > 0

type DialogProps = Pick<WatchProps, "project" | "timed" | "onClose"> & {
  query: Parameters<typeof Loaded<Rules>>[0]["query"]
  isNew: boolean
}

function RulesDialog({ project, query, isNew, timed, onClose }: DialogProps) {
  useEffect(() => {
    const clock = timed.clock()
    clock?.startWait()
    return () => clock?.endWait()
  }, [timed])
  return (
    <Dialog title={`Rules of ${project.name}`} isOpen onClose={onClose}>
      {/* The focus is where reading begins, and on no button: an Enter meant for the image does nothing. */}
      <div className={styles.rules} tabIndex={-1} data-autofocus>
        <Loaded query={query} height="8rem">
          {(rules) => <Text rules={rules} project={project} isNew={isNew} />}
        </Loaded>
      </div>
      <DialogActions>
        <AnchorButton href="/guide" target="_blank" variant="quiet">
          Annotators' guide
        </AnchorButton>
        <Button variant="primary" onClick={onClose}>
          {isNew ? "Understood" : "Close"}
        </Button>
      </DialogActions>
    </Dialog>
  )
}

type TextProps = { rules: Rules; project: Project; isNew: boolean }

function Text({ rules, project, isNew }: TextProps) {
  if (rules.sections.length === 0) {
    return <p>This project has no rules of its own; the annotators' guide is what counts.</p>
  }
  return (
    <>
      <p className={styles.version}>
        Version {rules.version}
        {isNew && (rules.version > 1 ? ", new to you. " : ". ")}
        {isNew && "They are here again by the key _ at any time."}
      </p>
      <RulesView rules={rules} categories={project.categories} />
    </>
  )
}

/** That the person was shown a version; without a network it is sent when there is one again. */
function useSeen(projectId: number) {
  const queryClient = useQueryClient()
  const { mutate } = useMutation({
    mutationFn: (version: number) => noteRulesSeen(projectId, version),
    retry: 3,
  })
  return (rules: Rules) => {
    queryClient.setQueryData(rulesQuery(projectId).queryKey, { ...rules, seen: true })
    mutate(rules.version)
  }
}

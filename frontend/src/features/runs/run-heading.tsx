import { useMutation, useQueryClient, useSuspenseQuery } from "@tanstack/react-query"
import { useNavigate } from "@tanstack/react-router"
import { useState } from "react"
import { messageOf } from "@/api/client"
import { leads } from "@/api/members"
import { projectQuery } from "@/api/projects"
import { cancelRun, isFinal, type RunDetail, resumeRun } from "@/api/runs"
import { AnchorButton, Button } from "@/components/button"
import { DeleteButton } from "@/components/delete-button"
import { ConfirmDialog } from "@/components/dialog"
import { PageHeading } from "@/components/layout"
import { Notice } from "@/components/notice"
import { formatMoment } from "@/lib/dates"
import { RunStateBadge } from "./run-state"

type RunHeadingProps = { run: RunDetail; projectId: number; onResumed: () => void }

export function RunHeading({ run, projectId, onResumed }: RunHeadingProps) {
  const { data: project } = useSuspenseQuery(projectQuery(projectId))
  const [isAsking, setAsking] = useState(false)
  const queryClient = useQueryClient()
  const refresh = () =>
    Promise.all([
      queryClient.invalidateQueries({ queryKey: ["runs", run.id], exact: true }),
      queryClient.invalidateQueries({ queryKey: ["projects", projectId, "runs"] }),
    ])
  const navigate = useNavigate()
  const leave = async () => {
    await navigate({ to: "/projects/$projectId/runs", params: { projectId } })
    await queryClient.invalidateQueries({ queryKey: ["projects", projectId] })
  }
  const cancel = useMutation({
    mutationFn: () => cancelRun(run.id),
    onSuccess: async () => {
      await refresh()
      setAsking(false)
    },
  })
  const resume = useMutation({
    mutationFn: () => resumeRun(run.id),
    onSuccess: async () => {
      await refresh()
      onResumed()
    },
  })
  return (
    <>
      <PageHeading
        title={`Run ${run.id}`}
        mark={<RunStateBadge run={run} />}
        subtitle={`${run.recipe}, asked for ${run.automatic ? "by itself" : `by ${run.created_by ?? "a former user"}`}, ${formatMoment(run.created_at)}`}
        actions={
          <>
            {run.report_url && (
              <AnchorButton href={run.report_url} target="_blank">
                Report
              </AnchorButton>
            )}
            {leads(project) && (
              <>
                {mayCancel(run) && (
                  <Button variant="danger" onClick={() => setAsking(true)}>
                    Cancel run
                  </Button>
                )}
                {isFinal(run) && (
                  <DeleteButton
                    thing={{ kind: "run", id: run.id }}
                    name={`run ${run.id}`}
                    onDeleted={leave}
                  />
                )}
                {mayResume(run) && (
                  <Button onClick={() => resume.mutate()} isPending={resume.isPending}>
                    Resume
                  </Button>
                )}
              </>
            )}
          </>
        }
      />
      {resume.error && <Notice tone="bad">{messageOf(resume.error)}</Notice>}
      <ConfirmDialog
        title="Cancel this run?"
        isOpen={isAsking}
        onClose={() => setAsking(false)}
        action="Cancel run"
        onConfirm={() => cancel.mutate()}
        isPending={cancel.isPending}
        error={cancel.error}
      >
        Training stops. Its checkpoints stay, and it can be resumed from the last one.
      </ConfirmDialog>
    </>
  )
}

const mayCancel = (run: RunDetail): boolean => !isFinal(run) && !run.cancel_requested

const mayResume = ({ state }: RunDetail): boolean =>
  state === "failed" || state === "cancelled" || state === "interrupted"

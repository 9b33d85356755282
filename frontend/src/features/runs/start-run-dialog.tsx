import { useMutation, useQueryClient, useSuspenseQuery } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import { messageOf } from "@/api/client"
import { recipesQuery } from "@/api/project-settings"
import { type Project, progressOf, type Supervision } from "@/api/projects"
import { type Run, type RunIn, startRun } from "@/api/runs"
import { Button } from "@/components/button"
import { RadioCards } from "@/components/choice-field"
import { Dialog, DialogActions } from "@/components/dialog"
import { Notice } from "@/components/notice"
import { Select } from "@/components/select"
import { needsLabels, SUPERVISIONS } from "@/components/supervision"
import { formatPlural } from "@/lib/format"
import { OverrideEditor } from "./override-editor"
import { type OverrideRow, parseOverrides } from "./overrides"
import styles from "./runs.module.css"

type StartRunDialogProps = {
  project: Project
  onClose: () => void
  onStarted: (run: Run) => void
}

export function StartRunDialog({ project, onClose, onStarted }: StartRunDialogProps) {
  const { data: recipes } = useSuspenseQuery(recipesQuery)
  const [recipe, setRecipe] = useState(project.recipe)
  const [supervision, setSupervision] = useState<Supervision>(project.supervision)
  const [rows, setRows] = useState<readonly OverrideRow[]>([])
  const { overrides, problems } = parseOverrides(rows)
  const start = useStart(project.id, onStarted)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (Object.keys(problems).length > 0) return
    start.mutate({ recipe, supervision, overrides, snapshot_id: null })
  }
  return (
    <Dialog title="Start a run" isOpen onClose={onClose}>
      <form className={styles.form} onSubmit={submit}>
        <RadioCards
          label="Supervision"
          choices={SUPERVISIONS}
          value={supervision}
          onChange={setSupervision}
        />
        <SnapshotNotice project={project} supervision={supervision} />
        <Select
          label="Recipe"
          options={recipes.map(({ name, description }) => ({
            value: name,
            label: name,
            description,
          }))}
          value={recipe}
          onChange={setRecipe}
        />
        <OverrideEditor rows={rows} onChange={setRows} problems={problems} />
        {start.error && <Notice tone="bad">{messageOf(start.error)}</Notice>}
        <DialogActions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" variant="primary" isPending={start.isPending}>
            Start run
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  )
}

function useStart(projectId: number, onStarted: (run: Run) => void) {
  const queryClient = useQueryClient()
  return useMutation({
    mutationFn: (body: RunIn) => startRun(projectId, body),
    onSuccess: async (run) => {
      await queryClient.invalidateQueries({ queryKey: ["projects", projectId, "runs"] })
      onStarted(run)
    },
  })
}

type SnapshotNoticeProps = { project: Project; supervision: Supervision }

function SnapshotNotice({ project, supervision }: SnapshotNoticeProps) {
  const { done, noun } = progressOf(project)
  if (!needsLabels(supervision)) {
    return (
      <Notice tone="info">This run uses nobody's labels, so it costs no labelling time.</Notice>
    )
  }
  if (done === 0) {
    return <Notice tone="warn">No image has been labelled yet. Label some first.</Notice>
  }
  return (
    <Notice tone="info">
      Trains on a snapshot of the labels as they are now:{" "}
      {formatPlural(done, noun === "image" ? "labelled image" : noun)}.
    </Notice>
  )
}

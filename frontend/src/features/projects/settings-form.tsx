import { useMutation, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import { messageOf } from "@/api/client"
import { changeProject } from "@/api/project-settings"
import { type Project, projectsQuery } from "@/api/projects"
import { Button } from "@/components/button"
import { Notice } from "@/components/notice"
import { showToast } from "@/components/toast"
import { CategoryEditor } from "./category-editor"
import styles from "./form.module.css"
import { HelpFields, TaskFields } from "./labelling-fields"
import { checkProject, type ProjectDraft, toChange, toDraft } from "./project-draft"
import { serverProblems } from "./server-problems"
import { GeneralFields, TrainingFields } from "./settings-fields"

export function SettingsForm({ project }: { project: Project }) {
  const [draft, setDraft] = useState(() => toDraft(project))
  const saving = useSaving(project, (saved) => setDraft(toDraft(saved)))
  const found = checkProject(draft)
  const problems = { ...found, ...serverProblems(saving.error) }
  const change = (part: Partial<ProjectDraft>) => setDraft({ ...draft, ...part })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (Object.keys(found).length === 0) saving.mutate(draft)
  }
  return (
    <form className={styles.form} onSubmit={submit} noValidate>
      <GeneralFields draft={draft} onChange={change} problems={problems} />
      <CategoryEditor
        drafts={draft.categories}
        onChange={(categories) => change({ categories })}
        stored={project.categories}
        showProblems
        error={problems.categories}
      />
      <TaskFields draft={draft} onChange={change} problems={problems} />
      <HelpFields draft={draft} onChange={change} problems={problems} />
      <TrainingFields draft={draft} onChange={change} problems={problems} />
      {saving.error && <Notice tone="bad">{messageOf(saving.error)}</Notice>}
      <div className={styles.foot}>
        <Button
          type="submit"
          variant="primary"
          isPending={saving.isPending}
          disabled={Object.keys(found).length > 0}
        >
          Save settings
        </Button>
      </div>
    </form>
  )
}

function useSaving(project: Project, onSaved: (saved: Project) => void) {
  const queryClient = useQueryClient()
  return useMutation({
    mutationFn: (wanted: ProjectDraft) =>
      changeProject(project.id, toChange(wanted, project.categories)),
    onSuccess: async (saved) => {
      await queryClient.invalidateQueries({ queryKey: projectsQuery.queryKey })
      onSaved(saved)
      showToast("Settings saved")
    },
  })
}

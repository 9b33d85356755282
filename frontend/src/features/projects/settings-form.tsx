import { useMutation, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import { messageOf } from "@/api/client"
import { changeProject } from "@/api/project-settings"
import { type Project, projectQuery, projectsQuery } from "@/api/projects"
import { Button } from "@/components/button"
import { useLoss } from "@/components/leave-guard"
import { Notice } from "@/components/notice"
import { showToast } from "@/components/toast"
import { CategoryEditor } from "./category-editor"
import styles from "./form.module.css"
import { HelpFields, TaskFields } from "./labelling-fields"
import {
  afterSaving,
  checkProject,
  isSameDraft,
  type ProjectDraft,
  toChange,
  toDraft,
} from "./project-draft"
import { serverProblems } from "./server-problems"
import { GeneralFields, TrainingFields } from "./settings-fields"

export function SettingsForm({ project }: { project: Project }) {
  /** What the draft was made of, whatever others change meanwhile. */
  const [stored, setStored] = useState(project)
  const [draft, setDraft] = useState(() => toDraft(stored))
  const saving = useSaving(stored, (saved, sent) => {
    setStored(saved)
    setDraft((now) => afterSaving(now, sent, saved))
  })
  useLoss("The settings that you changed are not saved.", !isSameDraft(draft, toDraft(stored)))
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
        stored={stored.categories}
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

function useSaving(stored: Project, onSaved: (saved: Project, sent: ProjectDraft) => void) {
  const queryClient = useQueryClient()
  return useMutation({
    mutationFn: async (wanted: ProjectDraft) => {
      const change = toChange(wanted, stored)
      if (change.categories) {
        const now = await queryClient.fetchQuery({ ...projectQuery(stored.id), staleTime: 0 })
        checkCategories(stored, now)
      }
      return changeProject(stored.id, change)
    },
    onSuccess: async (saved, sent) => {
      await queryClient.invalidateQueries({ queryKey: projectsQuery.queryKey })
      onSaved(saved, sent)
      showToast("Settings saved")
    },
  })
}

/** Categories are sent as a whole: those that somebody else has added meanwhile would go. */
function checkCategories(stored: Project, now: Project): void {
  if (JSON.stringify(now.categories) === JSON.stringify(stored.categories)) return
  throw new Error(
    "Somebody else has changed the categories meanwhile. Load the page again, and change them anew.",
  )
}

import { useMutation, useQueryClient, useSuspenseQuery } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import { messageOf } from "@/api/client"
import { createProject, datasetsQuery } from "@/api/project-settings"
import { type Project, projectsQuery } from "@/api/projects"
import { Button } from "@/components/button"
import { useLoss } from "@/components/leave-guard"
import { Notice } from "@/components/notice"
import { CategoryEditor } from "./category-editor"
import styles from "./form.module.css"
import { HelpFields, TaskFields } from "./labelling-fields"
import {
  checkProject,
  EMPTY_PROJECT,
  isSameDraft,
  type ProjectDraft,
  toProject,
} from "./project-draft"
import { serverProblems } from "./server-problems"
import { GeneralFields, TrainingFields } from "./settings-fields"

export function NewProjectForm({ onCreated }: { onCreated: (project: Project) => void }) {
  const [draft, setDraft] = useState(EMPTY_PROJECT)
  const [wasTried, setTried] = useState(false)
  const { data: datasets } = useSuspenseQuery(datasetsQuery)
  const creation = useCreation(onCreated)
  useLoss("The new project is not created yet.", !isSameDraft(draft, EMPTY_PROJECT))
  const found = checkProject(draft)
  const problems = { ...(wasTried && found), ...serverProblems(creation.error) }
  const change = (part: Partial<ProjectDraft>) => setDraft({ ...draft, ...part })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setTried(true)
    if (Object.keys(found).length === 0) creation.mutate(toProject(draft))
  }
  const presets = datasets.map(({ name, categories }) => ({
    name: `As in ${name}`,
    categories,
  }))
  return (
    <form className={styles.form} onSubmit={submit} noValidate>
      <GeneralFields draft={draft} onChange={change} problems={problems} />
      <CategoryEditor
        drafts={draft.categories}
        onChange={(categories) => change({ categories })}
        presets={presets.filter((preset) => preset.categories.length > 0)}
        showProblems={wasTried}
        error={problems.categories}
      />
      <TaskFields draft={draft} onChange={change} problems={problems} />
      <HelpFields draft={draft} onChange={change} problems={problems} />
      <TrainingFields draft={draft} onChange={change} problems={problems} />
      {creation.error && <Notice tone="bad">{messageOf(creation.error)}</Notice>}
      {wasTried && Object.keys(found).length > 0 && (
        <Notice tone="bad">{Object.values(found).join(" ")}</Notice>
      )}
      <div className={styles.foot}>
        <Button type="submit" variant="primary" isPending={creation.isPending}>
          Create project
        </Button>
      </div>
    </form>
  )
}

function useCreation(onCreated: (project: Project) => void) {
  const queryClient = useQueryClient()
  return useMutation({
    mutationFn: createProject,
    onSuccess: async (project) => {
      await queryClient.invalidateQueries({ queryKey: projectsQuery.queryKey, exact: true })
      onCreated(project)
    },
  })
}

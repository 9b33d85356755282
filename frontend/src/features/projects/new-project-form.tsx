import { useMutation, useQueryClient, useSuspenseQuery } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import { messageOf } from "@/api/client"
import { createProject, datasetsQuery, type Project, projectsQuery } from "@/api/projects"
import { Button } from "@/components/button"
import { TextField } from "@/components/field"
import { FormSection } from "@/components/layout"
import { Notice } from "@/components/notice"
import { draftCategories } from "./category-draft"
import { CategoryEditor } from "./category-editor"
import styles from "./form.module.css"
import { LabellingFields } from "./labelling-fields"
import { checkProject, EMPTY_SETTINGS, type ProjectDraft, toProject } from "./project-draft"
import { serverProblems } from "./server-problems"
import { GeneralFields, TrainingFields } from "./settings-fields"

const START: ProjectDraft = { ...EMPTY_SETTINGS, categories: draftCategories([]), overlap: "1" }

export function NewProjectForm({ onCreated }: { onCreated: (project: Project) => void }) {
  const [draft, setDraft] = useState(START)
  const [wasTried, setTried] = useState(false)
  const { data: datasets } = useSuspenseQuery(datasetsQuery)
  const creation = useCreation(onCreated)
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
      <LabellingFields draft={draft} onChange={change} problems={problems} />
      <TrainingFields draft={draft} onChange={change} problems={problems} />
      <FormSection title="Quality" hint="How many people look at the same image.">
        <TextField
          label="People per image"
          description="With more than one, the same image is given to different people."
          value={draft.overlap}
          onChange={(overlap) => change({ overlap })}
          inputMode="numeric"
          error={problems.overlap ?? null}
        />
      </FormSection>
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

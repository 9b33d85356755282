import { useMutation, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import { messageOf } from "@/api/client"
import { changeProject, type Project, projectsQuery } from "@/api/projects"
import { CategoryName } from "@/components/badge"
import { Button } from "@/components/button"
import { FormSection } from "@/components/layout"
import { Notice } from "@/components/notice"
import { Table } from "@/components/table"
import { showToast } from "@/components/toast"
import styles from "./form.module.css"
import { LabellingFields } from "./labelling-fields"
import { checkSettings, type SettingsDraft, toChange, toDraft } from "./project-draft"
import { serverProblems } from "./server-problems"
import { GeneralFields, TrainingFields } from "./settings-fields"

export function SettingsForm({ project }: { project: Project }) {
  const [draft, setDraft] = useState(() => toDraft(project))
  const queryClient = useQueryClient()
  const saving = useMutation({
    mutationFn: (wanted: SettingsDraft) => changeProject(project.id, toChange(wanted)),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: projectsQuery.queryKey })
      showToast("Settings saved")
    },
  })
  const found = checkSettings(draft)
  const problems = { ...found, ...serverProblems(saving.error) }
  const change = (part: Partial<SettingsDraft>) => setDraft({ ...draft, ...part })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (Object.keys(found).length === 0) saving.mutate(draft)
  }
  return (
    <form className={styles.form} onSubmit={submit} noValidate>
      <GeneralFields draft={draft} onChange={change} problems={problems} />
      <Categories project={project} />
      <LabellingFields draft={draft} onChange={change} problems={problems} />
      <TrainingFields draft={draft} onChange={change} problems={problems} />
      {saving.error && <Notice tone="bad">{messageOf(saving.error)}</Notice>}
      <div className={styles.foot}>
        <Button type="submit" variant="primary" isPending={saving.isPending}>
          Save settings
        </Button>
      </div>
    </form>
  )
}

function Categories({ project }: { project: Project }) {
  return (
    <FormSection title="Categories" hint="Fixed: labels and checkpoints refer to them.">
      <Table
        bare
        label="Categories"
        keyOf={(category) => category.id}
        rows={project.categories}
        columns={[
          {
            key: "name",
            title: "Name",
            cell: ({ name, color }) => <CategoryName name={name} color={color} />,
          },
          { key: "key", title: "Key", cell: (category) => <kbd>{category.key}</kbd> },
          { key: "color", title: "Colour", cell: (category) => <code>{category.color}</code> },
        ]}
      />
    </FormSection>
  )
}

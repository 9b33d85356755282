import { useMutation, useQueryClient } from "@tanstack/react-query"
import { messageOf } from "@/api/client"
import { changeProject } from "@/api/project-settings"
import { type Project, projectsQuery } from "@/api/projects"
import { Button } from "@/components/button"
import { DeleteButton } from "@/components/delete-button"
import { FormSection } from "@/components/layout"
import { Notice } from "@/components/notice"
import { showToast } from "@/components/toast"
import styles from "./form.module.css"

type ProjectEndProps = { project: Project; onDeleted: () => unknown }

/** Puts a project aside, and deletes one that has been put aside. */
export function ProjectEnd({ project, onDeleted }: ProjectEndProps) {
  const queryClient = useQueryClient()
  const isArchived = project.archived_at !== null
  const archiving = useMutation({
    mutationFn: () => changeProject(project.id, { archived: !isArchived }),
    onSuccess: async () => {
      await queryClient.invalidateQueries({ queryKey: projectsQuery.queryKey })
      showToast(isArchived ? "The project is open again" : "The project is archived")
    },
  })
  return (
    <div className={styles.form}>
      <FormSection
        title={isArchived ? "Archived" : "Archive"}
        hint="In an archived project nothing is labelled, imported or trained; all of it can be looked at. Only an archived project can be deleted."
      >
        {archiving.error && <Notice tone="bad">{messageOf(archiving.error)}</Notice>}
        <div className={styles.end}>
          <Button onClick={() => archiving.mutate()} isPending={archiving.isPending}>
            {isArchived ? "Open again" : "Archive"}
          </Button>
          {isArchived && (
            <DeleteButton
              thing={{ kind: "project", id: project.id, name: project.name }}
              name={`project ${project.name}`}
              onDeleted={onDeleted}
            />
          )}
        </div>
      </FormSection>
    </div>
  )
}

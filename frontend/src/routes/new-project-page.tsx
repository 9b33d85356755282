import { useNavigate } from "@tanstack/react-router"
import { Page, PageHeading } from "@/components/layout"
import { showToast } from "@/components/toast"
import { NewProjectForm } from "@/features/projects/new-project-form"

export function NewProjectPage() {
  const navigate = useNavigate()
  return (
    <Page>
      <PageHeading
        title="New project"
        subtitle="One target domain: its images, its categories, and the models trained for it."
      />
      <NewProjectForm
        onCreated={(project) => {
          showToast(`${project.name} is ready for images`)
          navigate({
            to: "/projects/$projectId/images/import",
            params: { projectId: project.id },
            ignoreBlocker: true,
          })
        }}
      />
    </Page>
  )
}

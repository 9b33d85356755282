import { useSuspenseQuery } from "@tanstack/react-query"
import { FolderPlus, Plus } from "lucide-react"
import { projectsQuery } from "@/api/projects"
import { mayAct, useMe } from "@/api/session"
import { LinkButton } from "@/components/button"
import { Page, PageHeading } from "@/components/layout"
import { EmptyState } from "@/components/states"
import { ProjectGrid } from "@/features/projects/project-card"

export function ProjectsPage() {
  const me = useMe()
  const { data: projects } = useSuspenseQuery(projectsQuery)
  const add = mayAct(me.role, "engineer") && (
    <LinkButton to="/projects/new" variant="primary">
      <Plus aria-hidden="true" />
      New project
    </LinkButton>
  )
  if (projects.length === 0) {
    return (
      <Page>
        <PageHeading title="Projects" />
        <EmptyState icon={FolderPlus} title="No project yet" actions={add}>
          {add
            ? "A project holds the images of one target domain, the categories people mark in them, and the models trained from those labels."
            : "Nobody has set up a project. An engineer or an administrator can."}
        </EmptyState>
      </Page>
    )
  }
  return (
    <Page>
      <PageHeading title="Projects" actions={add} />
      <ProjectGrid projects={projects} />
    </Page>
  )
}

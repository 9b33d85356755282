import { useSuspenseQuery } from "@tanstack/react-query"
import { getRouteApi } from "@tanstack/react-router"
import { leads } from "@/api/members"
import { projectQuery } from "@/api/projects"
import { Page, PageHeading } from "@/components/layout"
import { Tab, Tabs } from "@/components/tabs"
import { FlagList } from "@/features/quality/flag-list"

const route = getRouteApi("/signed-in/shell/projects/$projectId/flags")

export function FlagsPage() {
  const { projectId } = route.useParams()
  const { state = "open" } = route.useSearch()
  const { data: project } = useSuspenseQuery(projectQuery(projectId))
  const to = "/projects/$projectId/flags"
  return (
    <Page>
      <PageHeading
        title={leads(project) ? "Flags" : "Your flags"}
        subtitle="Words on images from who labels them, and the answers."
      />
      <Tabs label="Flags by state">
        <Tab
          to={to}
          params={{ projectId }}
          search={{}}
          activeOptions={{ includeSearch: true, exact: true }}
        >
          Open
        </Tab>
        <Tab to={to} params={{ projectId }} search={{ state: "answered" }}>
          Answered
        </Tab>
      </Tabs>
      <FlagList key={state} project={project} state={state} />
    </Page>
  )
}

import { useSuspenseQuery } from "@tanstack/react-query"
import { getRouteApi, Outlet } from "@tanstack/react-router"
import { labels, leads } from "@/api/members"
import { projectQuery } from "@/api/projects"
import { Tab, Tabs } from "@/components/tabs"
import styles from "./project-layout.module.css"

const route = getRouteApi("/signed-in/shell/projects/$projectId")

export function ProjectLayout() {
  const params = route.useParams()
  const { data: project } = useSuspenseQuery(projectQuery(params.projectId))
  return (
    <>
      <div className={styles.bar}>
        <div className={styles.inner}>
          <Tabs label="Project">
            <Tab to="/projects/$projectId" params={params} activeOptions={{ exact: true }}>
              Overview
            </Tab>
            {labels(project) && (
              <Tab to="/projects/$projectId/label" params={params}>
                Label
              </Tab>
            )}
            <Tab to="/projects/$projectId/images" params={params}>
              Images
            </Tab>
            <Tab to="/projects/$projectId/runs" params={params}>
              Runs
            </Tab>
            <Tab to="/projects/$projectId/accuracy" params={params}>
              Accuracy
            </Tab>
            {labels(project) && (
              <Tab to="/projects/$projectId/team" params={params}>
                Team
              </Tab>
            )}
            {leads(project) && (
              <>
                <Tab to="/projects/$projectId/quality" params={params}>
                  Quality
                </Tab>
                <Tab to="/projects/$projectId/settings" params={params}>
                  Settings
                </Tab>
              </>
            )}
          </Tabs>
        </div>
      </div>
      <Outlet />
    </>
  )
}

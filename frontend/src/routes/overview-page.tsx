import { useSuspenseQuery } from "@tanstack/react-query"
import { getRouteApi } from "@tanstack/react-router"
import { labels, leads } from "@/api/members"
import { progressOf, projectQuery } from "@/api/projects"
import { CategoryName } from "@/components/badge"
import { LinkButton } from "@/components/button"
import { Card, Page, PageHeading } from "@/components/layout"
import { AccuracyPreview } from "@/features/accuracy/accuracy-preview"
import { CheckList } from "@/features/projects/check-list"
import { LabelCard } from "@/features/projects/label-card"
import styles from "@/features/projects/overview.module.css"
import { PaceCard } from "@/features/projects/pace-card"
import { OwnAnswersCard } from "@/features/quality/own-answers-card"
import { OwnFlagsCard } from "@/features/quality/own-flags-card"
import { LatestRunCard } from "@/features/runs/latest-run-card"

const route = getRouteApi("/signed-in/shell/projects/$projectId/")

export function OverviewPage() {
  const { projectId } = route.useParams()
  const { data: project } = useSuspenseQuery(projectQuery(projectId))
  return (
    <Page>
      <PageHeading title={project.name} subtitle={project.description} />
      <CheckList project={project} />
      <div className={styles.top}>
        <LabelCard project={project} mayImport={leads(project)} />
        {labels(project) && <PaceCard projectId={projectId} left={progressOf(project).left} />}
      </div>
      <div className={styles.bottom}>
        <LatestRunCard projectId={projectId} />
        <AccuracyPreview projectId={projectId} />
      </div>
      {labels(project) && !leads(project) && (
        <>
          <OwnFlagsCard project={project} />
          <OwnAnswersCard project={project} />
        </>
      )}
      <Card
        title="Categories"
        aside={
          <LinkButton to="/projects/$projectId/rules" params={{ projectId }} variant="quiet">
            Rules
          </LinkButton>
        }
      >
        <div className={styles.categories}>
          {project.categories.map(({ id, name, color }) => (
            <CategoryName key={id} name={name} color={color} />
          ))}
        </div>
      </Card>
    </Page>
  )
}

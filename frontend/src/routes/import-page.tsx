import { getRouteApi } from "@tanstack/react-router"
import { LinkButton } from "@/components/button"
import { Page, PageHeading } from "@/components/layout"
import styles from "@/features/images/import.module.css"
import { ImportPanel } from "@/features/images/import-panel"
import { LabelPanel } from "@/features/images/label-panel"
import { ManifestPanel } from "@/features/images/manifest-panel"

const route = getRouteApi("/signed-in/shell/projects/$projectId/images/import")

export function ImportPage() {
  const { projectId } = route.useParams()
  return (
    <Page>
      <PageHeading
        title="Import"
        subtitle="The photographs of the target domain, and labels that people gave them elsewhere."
        actions={
          <LinkButton to="/projects/$projectId/images" params={{ projectId }}>
            All images
          </LinkButton>
        }
      />
      <div className={styles.columns}>
        <div className={styles.column}>
          <ImportPanel projectId={projectId} />
          <ManifestPanel projectId={projectId} />
        </div>
        <LabelPanel projectId={projectId} />
      </div>
    </Page>
  )
}

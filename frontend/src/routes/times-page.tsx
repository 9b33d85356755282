import { getRouteApi } from "@tanstack/react-router"
import { Page, PageHeading } from "@/components/layout"
import { SnapshotLines, TimedLabels } from "@/features/accuracy/timed-labels"
import { TrailView } from "@/features/accuracy/trail-view"
import { parseTimesSearch, type TimesSearch } from "./times-search"

const route = getRouteApi("/signed-in/shell/projects/$projectId/times")

/** What a figure of time is made of, down to the events of one label. */
export function TimesPage() {
  const { projectId } = route.useParams()
  const { label, snapshot, ...figure } = parseTimesSearch(route.useSearch())
  if (label !== undefined) {
    return (
      <Page>
        <PageHeading title={`Time of label ${label}`} />
        <TrailView projectId={projectId} labelId={label} />
      </Page>
    )
  }
  if (snapshot !== undefined) {
    return (
      <Page>
        <PageHeading
          title={`Labels of snapshot ${snapshot}`}
          subtitle="What the time of its runs is the sum of; each label leads to its events."
        />
        <SnapshotLines projectId={projectId} snapshotId={snapshot} />
      </Page>
    )
  }
  return (
    <Page>
      <PageHeading
        title="Labels and their times"
        subtitle={`${wordsOf(figure)}; each label leads to the events that its time comes from.`}
      />
      <TimedLabels projectId={projectId} figure={figure} />
    </Page>
  )
}

function wordsOf({ annotator, by = "all", value }: TimesSearch): string {
  const who = annotator ? `Labels of ${annotator}` : "All labels"
  return by === "all" || !value ? who : `${who}, ${by === "start" ? "form" : by} ${value}`
}

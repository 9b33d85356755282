import { useInfiniteQuery, useSuspenseQuery } from "@tanstack/react-query"
import { useState } from "react"
import { earlierLabelsQuery, type ImageDetail, type ImageFilter, imageQuery } from "@/api/images"
import type { Project } from "@/api/projects"
import type { Me } from "@/api/session"
import { LabelledPicture } from "@/components/labelled-picture"
import { Card, Facts } from "@/components/layout"
import { Notice } from "@/components/notice"
import { formatDay } from "@/lib/dates"
import { formatCount, NOTHING } from "@/lib/format"
import { withEarlier } from "@/lib/labels"
import { AnswerActions } from "./answer-actions"
import { Differences } from "./differences"
import styles from "./image-view.module.css"
import { LabelHistory } from "./label-history"
import { PredictionCard, usePrediction } from "./prediction-card"

type ImageViewProps = {
  imageId: number
  project: Project
  /** Of the list that the image was found in. */
  filter: ImageFilter
  me: Me
}

/** One image with what people said of it and what the latest model thinks. */
export function ImageView({ imageId, project, filter, me }: ImageViewProps) {
  const { data: image } = useSuspenseQuery(imageQuery(imageId))
  const [chosenId, setChosenId] = useState<number | null>(null)
  const [opacity, setOpacity] = useState(0.5)
  const prediction = usePrediction(image)
  const { history, more } = useHistory(image)
  const shown = history.find(({ id }) => id === chosenId) ?? history[0]
  if (image.state !== "ready") {
    return (
      <Notice tone={image.state === "rejected" ? "bad" : "info"}>
        {image.state === "rejected"
          ? `Rejected: ${image.reject_reason ?? "the reason is unknown"}.`
          : "The server has not looked at this picture yet. It does so in the background."}
      </Notice>
    )
  }
  return (
    <div className={styles.layout}>
      <LabelledPicture
        image={image}
        labels={shown ? [shown] : []}
        categories={project.categories}
        maskUrl={prediction.data?.mask_url}
        opacity={opacity}
      />
      <div className={styles.column}>
        <Card title="Labels">
          <Differences history={image.history} categories={project.categories} />
          <AnswerActions project={project} image={image} filter={filter} me={me} />
          <LabelHistory
            history={history}
            categories={project.categories}
            shownId={shown?.id}
            onShow={setChosenId}
            more={more}
          />
        </Card>
        <PredictionCard
          query={prediction}
          categories={project.categories}
          opacity={opacity}
          onOpacity={setOpacity}
        />
        <Card title="File">
          <Facts facts={factsOf(image, project)} />
          {image.note && <p className={styles.meta}>Note: {image.note}.</p>}
        </Card>
      </div>
    </div>
  )
}

/** The revisions of an image's labels so far, and how to have more of a long history. */
function useHistory(image: ImageDetail) {
  const [isLong, setLong] = useState(false)
  const cursor = image.history_cursor
  const query = useInfiniteQuery({ ...earlierLabelsQuery(image.id, cursor), enabled: isLong })
  const isMore = isLong && query.data ? query.hasNextPage : cursor !== null
  const show = () => (query.data ? query.fetchNextPage() : setLong(true))
  return {
    history: withEarlier(image.history, query.data?.pages ?? []),
    more: isMore ? { show, isPending: query.isFetching } : null,
  }
}

/** Annotators are not told when an image was imported: it would tell which ones are known. */
function factsOf(image: ImageDetail, project: Project): [string, string][] {
  const facts: [string, string][] = [
    ["Size", sizeOf(image)],
    ["Split", image.split],
  ]
  if (project.role !== "annotator") facts.push(["Imported", formatDay(image.created_at)])
  return facts
}

function sizeOf({ width, height }: { width: number | null; height: number | null }): string {
  return width && height ? `${formatCount(width)} × ${formatCount(height)}` : NOTHING
}

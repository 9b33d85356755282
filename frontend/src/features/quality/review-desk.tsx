import { useMutation, useQueryClient, useSuspenseQuery } from "@tanstack/react-query"
import { ArrowRight, Check } from "lucide-react"
import { useRef, useState } from "react"
import { messageOf } from "@/api/client"
import type { ImageDetail, Label } from "@/api/images"
import { keysQuery, type Project, projectQuery } from "@/api/projects"
import { putLabel } from "@/api/quality"
import { Button } from "@/components/button"
import { LabelledPicture } from "@/components/labelled-picture"
import { Notice } from "@/components/notice"
import type { Answer } from "@/lib/answers"
import { useShortcuts } from "@/lib/commands"
import { formatPlural } from "@/lib/format"
import { capOf } from "@/lib/keys"
import { AnswerTable } from "./answer-table"
import { answered, contentOf, nextAnswer, openCategories, startFrom, taken } from "./decision"
import styles from "./review.module.css"
import { KEYS, reviewShortcuts } from "./review-keys"
import { useReviewClock } from "./use-review-clock"

type ReviewDeskProps = {
  project: Project
  image: ImageDetail
  /** The answers to choose from; the first two have keys. */
  labels: readonly Label[]
  /** What is set at the start; otherwise what all agree on. */
  start?: Label | undefined
  /** Counts in place of all other labels. */
  isDecision: boolean
  onDone: () => void
  /** Left out where there is no other image. */
  onLater?: () => void
}

/** An image, what people said of it, and the answer that shall count. */
export function ReviewDesk(props: ReviewDeskProps) {
  const { project, image, labels, start, isDecision, onDone, onLater } = props
  const names = project.categories.map(({ name }) => name)
  const [decision, setDecision] = useState(() => {
    const agreed = startFrom(labels, names)
    return start ? taken(agreed, start, names) : agreed
  })
  const [said, setSaid] = useState("")
  const { data: keys } = useSuspenseQuery(keysQuery(project.id))
  const readClock = useReviewClock(image.id)
  const saving = useSaving(project, image.id, onDone)
  const open = openCategories(decision, labels, names)
  const isWhole = open.length === 0 && Object.keys(decision.answers).length > 0
  // Known at once, where `saving` says so a moment later: a double press is one answer.
  const isSent = useRef(false)
  const submit = () => {
    if (!isWhole || isSent.current) return
    isSent.current = true
    const label = {
      ...contentOf(decision, labels, project),
      timing: readClock(),
      resolves: isDecision,
    }
    const letAgain = () => {
      isSent.current = false
    }
    saving.mutate(label, { onError: letAgain })
  }
  const answer = (category: string, wanted: Answer) => {
    setDecision(answered(decision, category, wanted))
    setSaid(`${category}: ${wanted}`)
  }
  const take = (person: number) => {
    const label = labels[person]
    if (!label) return
    setDecision(taken(decision, label, names))
    setSaid(`Took the answers of ${label.annotator}`)
  }
  const turn = (category: string) => answer(category, nextAnswer(decision.answers[category]))
  const later = () => onLater?.()
  useShortcuts(reviewShortcuts(keys, { take, submit, later, turn }))
  return (
    <div className={styles.desk}>
      <LabelledPicture image={image} labels={labels} categories={project.categories} />
      <div className={styles.side}>
        <AnswerTable
          categories={project.categories}
          keys={keys}
          labels={labels}
          decision={decision}
          onTake={take}
          onAnswer={answer}
        />
        {saving.error && <Notice tone="bad">{messageOf(saving.error)}</Notice>}
        <div className={styles.foot}>
          <Button
            variant="primary"
            onClick={submit}
            disabled={!isWhole}
            isPending={saving.isPending}
            aria-keyshortcuts={KEYS.submit}
          >
            <Check aria-hidden="true" />
            {onLater ? "Save, next image" : "Save"}
          </Button>
          {onLater && (
            <Button variant="quiet" onClick={onLater} aria-keyshortcuts={KEYS.later}>
              <ArrowRight aria-hidden="true" />
              Later
            </Button>
          )}
          <span className={styles.left}>
            {open.length > 0 ? `${formatPlural(open.length, "category", "categories")} open` : ""}
          </span>
        </div>
        <KeyHelp people={labels.length} hasQueue={onLater !== undefined} />
        <div className="quiet" role="status">
          {said}
        </div>
      </div>
    </div>
  )
}

type KeyHelpProps = { people: number; hasQueue: boolean }

function KeyHelp({ people, hasQueue }: KeyHelpProps) {
  return (
    <p className={styles.help}>
      {people > 1 && (
        <>
          <kbd>{capOf(KEYS.take[0])}</kbd> and <kbd>{capOf(KEYS.take[1])}</kbd> take all that the
          first or the second person said.{" "}
        </>
      )}
      A category's key sets it: present, absent, unsure. <kbd>{capOf(KEYS.submit)}</kbd> saves
      {hasQueue && (
        <>
          , <kbd>{capOf(KEYS.later)}</kbd> leaves the image for later
        </>
      )}
      .
    </p>
  )
}

function useSaving(project: Project, imageId: number, onDone: () => void) {
  const queryClient = useQueryClient()
  return useMutation({
    mutationFn: (label: Parameters<typeof putLabel>[1]) => putLabel(imageId, label),
    onSuccess: () => {
      // Nobody waits for other pages to be brought up to date.
      queryClient.invalidateQueries({ queryKey: ["images", imageId] })
      queryClient.invalidateQueries({ queryKey: projectQuery(project.id).queryKey })
      onDone()
    },
  })
}

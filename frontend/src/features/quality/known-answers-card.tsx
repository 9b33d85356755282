import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { messageOf } from "@/api/client"
import { type Gold, goldQuery, knownAnswersQuery, makeGold } from "@/api/gold"
import type { Project } from "@/api/projects"
import { Button, LinkButton } from "@/components/button"
import { Card } from "@/components/layout"
import { Notice } from "@/components/notice"
import { ProgressBar } from "@/components/progress-bar"
import { Loaded } from "@/components/states"
import { formatPercent, formatPlural } from "@/lib/format"
import styles from "./known-answers.module.css"
import { PeopleTable } from "./score-table"

const COUNT = 100

/** People's answers held against images whose truth is known, and the way to have some. */
export function KnownAnswersCard({ project }: { project: Project }) {
  const query = useQuery(goldQuery(project.id))
  return (
    <Card title="Against known answers">
      <Loaded query={query} height="11rem">
        {(gold) => (
          <>
            <Making gold={gold} project={project} />
            {gold.made > 0 && <Answers gold={gold} project={project} />}
          </>
        )}
      </Loaded>
    </Card>
  )
}

type PartProps = { gold: Gold; project: Project }

function Making({ gold, project }: PartProps) {
  if (gold.state === "ready") return null
  if (gold.state === "making") {
    return (
      <ProgressBar
        label="Making images with known answers"
        value={gold.made}
        max={gold.wanted}
        left="Making images with known answers"
        right={`${gold.made} of ${gold.wanted}`}
      />
    )
  }
  if (project.source === null) return <NoSource projectId={project.id} />
  return <MakeGold gold={gold} project={project} />
}

function NoSource({ projectId }: { projectId: number }) {
  return (
    <>
      <p className={styles.hint}>
        Images of a labelled source domain can be mixed into the work: their masks tell the true
        answers, so that nobody has to. This project has no source domain yet.
      </p>
      <div className={styles.actions}>
        <LinkButton to="/projects/$projectId/settings" params={{ projectId }}>
          Choose a source domain
        </LinkButton>
      </div>
    </>
  )
}

function MakeGold({ gold, project }: PartProps) {
  const queryClient = useQueryClient()
  const making = useMutation({
    mutationFn: () => makeGold(project.id, COUNT),
    onSuccess: (made) => queryClient.setQueryData(goldQuery(project.id).queryKey, made),
  })
  return (
    <>
      {gold.error !== null && (
        <Notice tone="bad">The last attempt came to nothing: {gold.error}</Notice>
      )}
      <p className={styles.hint}>
        Some images of {project.source} can be mixed into the work. Their masks tell the true
        answers, so that everybody's precision, recall and clicks are measured at no cost. They look
        like any other image, and count nowhere else.
      </p>
      {making.error && <Notice tone="bad">{messageOf(making.error)}</Notice>}
      <div className={styles.actions}>
        <Button variant="primary" isPending={making.isPending} onClick={() => making.mutate()}>
          {gold.error === null ? "Make gold images" : "Try again"}
        </Button>
      </div>
    </>
  )
}

function Answers({ gold, project }: PartProps) {
  const query = useQuery(knownAnswersQuery(project.id))
  return (
    <Loaded query={query} height="11rem">
      {({ annotators }) => (
        <>
          <p className={styles.hint}>{mixedIn(gold, project)}</p>
          {annotators.length === 0 ? (
            <p className={styles.hint}>Nobody has answered one yet.</p>
          ) : (
            <>
              <PeopleTable people={annotators} project={project} />
              <p className={styles.hint}>
                Precision: of what was called present, how much is there. Recall: of what is there,
                how much was called present. The line on a bar is its 95 % interval.
              </p>
            </>
          )}
        </>
      )}
    </Loaded>
  )
}

function mixedIn({ made }: Gold, { source, gold_share }: Project): string {
  const images = formatPlural(made, "image")
  if (source === null || gold_share === 0) {
    return `${images} with known answers, but none is mixed in now: the settings of this project say so.`
  }
  return `${images} of ${source} with known answers. They are ${formatPercent(gold_share)} of what a person is given, and each person gets each once.`
}

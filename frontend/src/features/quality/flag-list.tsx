import { useInfiniteQuery, useMutation, useQueryClient } from "@tanstack/react-query"
import { Link } from "@tanstack/react-router"
import { Flag as FlagIcon } from "lucide-react"
import { type FormEvent, useState } from "react"
import { messageOf } from "@/api/client"
import { answerFlag, type Flag, flagsKey, flagsQuery } from "@/api/flags"
import { leads } from "@/api/members"
import type { Project } from "@/api/projects"
import { Button } from "@/components/button"
import { TextField } from "@/components/field"
import { Card } from "@/components/layout"
import { Notice } from "@/components/notice"
import { EmptyState, Loaded } from "@/components/states"
import { showToast } from "@/components/toast"
import { formatMoment } from "@/lib/dates"
import styles from "./flags.module.css"

const WIDTH = 640

type ListProps = { project: Project; state: "open" | "answered" }

/** Flags with their pictures: everybody's for leads, who answer them, else one's own. */
export function FlagList({ project, state }: ListProps) {
  const list = useInfiniteQuery(flagsQuery(project.id, state))
  const found = list.data?.pages.flatMap((page) => page.items)
  return (
    <Loaded query={{ ...list, data: found }} height="16rem">
      {(flags) =>
        flags.length === 0 ? (
          <EmptyState icon={FlagIcon} title={state === "open" ? "No open flags" : "None answered"}>
            Whoever labels can flag an image with a word, by the key : on the labelling page.
          </EmptyState>
        ) : (
          <>
            <ul className={styles.list}>
              {flags.map((flag) => (
                <li key={`${flag.id} ${flag.flagged_at}`}>
                  <FlagCard project={project} flag={flag} />
                </li>
              ))}
            </ul>
            {list.hasNextPage && (
              <div>
                <Button onClick={() => list.fetchNextPage()} isPending={list.isFetchingNextPage}>
                  Show more
                </Button>
              </div>
            )}
          </>
        )
      }
    </Loaded>
  )
}

function FlagCard({ project, flag }: { project: Project; flag: Flag }) {
  const isLead = leads(project)
  return (
    <Card>
      <div className={styles.flag}>
        <Link
          to="/projects/$projectId/images/$imageId"
          params={{ projectId: project.id, imageId: flag.image_id }}
          search={{}}
          className={styles.picture}
        >
          <img src={`${flag.image_url}?width=${WIDTH}`} alt="" loading="lazy" />
          {flag.image}
        </Link>
        <div className={styles.said}>
          <p className={styles.text}>{flag.text}</p>
          <p className={styles.hint}>
            {isLead && `${flag.annotator}, `}
            {formatMoment(flag.flagged_at)}
          </p>
          {flag.answer !== null && (
            <div>
              <p>
                Answer: <strong>{flag.answer}</strong>
              </p>
              <p className={styles.hint}>
                {flag.answered_by && `${flag.answered_by}, `}
                {formatMoment(flag.answered_at)}
                {isLead && (flag.read_at ? ", read" : ", not read yet")}
              </p>
            </div>
          )}
          {isLead && <AnswerForm projectId={project.id} flag={flag} />}
        </div>
      </div>
    </Card>
  )
}

function AnswerForm({ projectId, flag }: { projectId: number; flag: Flag }) {
  const [words, setWords] = useState("")
  const queryClient = useQueryClient()
  const answering = useMutation({
    mutationFn: () => answerFlag(projectId, flag, words.trim()),
    onSuccess: async () => {
      setWords("")
      showToast("Answered")
      await queryClient.invalidateQueries({ queryKey: flagsKey(projectId) })
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (words.trim() && !answering.isPending) answering.mutate()
  }
  return (
    <form className={styles.form} onSubmit={submit}>
      <TextField
        label={flag.answer === null ? "Your answer" : "Another answer"}
        value={words}
        onChange={setWords}
        maxLength={500}
        autoComplete="off"
      />
      {answering.error && <Notice tone="bad">{messageOf(answering.error)}</Notice>}
      <div>
        <Button
          type="submit"
          variant={flag.answer === null ? "primary" : "secondary"}
          disabled={!words.trim()}
          isPending={answering.isPending}
        >
          Answer
        </Button>
      </div>
    </form>
  )
}

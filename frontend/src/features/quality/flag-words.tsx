import { useMutation, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import { messageOf } from "@/api/client"
import { answerFlag, type Flag, flagsKey, imageFlagsQuery } from "@/api/flags"
import { leads } from "@/api/members"
import type { Project } from "@/api/projects"
import { Button } from "@/components/button"
import { TextField } from "@/components/field"
import { useLoss } from "@/components/leave-guard"
import { Notice } from "@/components/notice"
import { showToast } from "@/components/toast"
import { formatMoment } from "@/lib/dates"
import styles from "./flags.module.css"

/** What somebody asked of an image and what was answered; leads answer here. */
export function FlagWords({ project, flag }: { project: Project; flag: Flag }) {
  const isLead = leads(project)
  return (
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
  )
}

function AnswerForm({ projectId, flag }: { projectId: number; flag: Flag }) {
  const [words, setWords] = useState("")
  useLoss("An answer to a flag is not sent.", words.trim() !== "")
  const queryClient = useQueryClient()
  const answering = useMutation({
    mutationFn: () => answerFlag(projectId, flag, words.trim()),
    onSuccess: async () => {
      setWords("")
      showToast("Answered")
      await Promise.all([
        queryClient.invalidateQueries({ queryKey: flagsKey(projectId) }),
        queryClient.invalidateQueries({ queryKey: imageFlagsQuery(flag.image_id).queryKey }),
      ])
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

import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { useState } from "react"
import { messageOf } from "@/api/client"
import type { Project } from "@/api/projects"
import { publishRules, type Rules, rulesQuery, rulesReadersQuery } from "@/api/rules"
import { CategoryName } from "@/components/badge"
import { Button, LinkButton } from "@/components/button"
import { FormSection } from "@/components/layout"
import { useLoss } from "@/components/leave-guard"
import { Notice } from "@/components/notice"
import { Loaded } from "@/components/states"
import { showToast } from "@/components/toast"
import { formatMoment } from "@/lib/dates"
import { formatPlural } from "@/lib/format"
import {
  type DraftSection,
  draftOf,
  isChanged,
  PROJECT,
  publicationOf,
  type RulesDraft,
  sectionOf,
} from "./rules-draft"
import styles from "./rules-editor.module.css"
import { SectionFields } from "./rules-section"

const HINT =
  "What counts as what, in words and pictures. Each change is a new version, which everybody who labels is shown once; old ones stay to be read."

/** The rules of a project, to be changed and published. */
export function RulesEditor({ project }: { project: Project }) {
  const query = useQuery({ ...rulesQuery(project.id), refetchOnMount: "always" })
  return (
    <FormSection title="Rules" hint={HINT}>
      <Loaded query={query} height="12rem">
        {(rules) => <Editor key={project.id} project={project} newest={rules} />}
      </Loaded>
    </FormSection>
  )
}

function Editor({ project, newest }: { project: Project; newest: Rules }) {
  /** What the draft was made of; another version that comes meanwhile takes no draft away. */
  const [rules, setRules] = useState(newest)
  const [draft, setDraft] = useState<RulesDraft>(() => draftOf(rules, project.categories))
  const take = (version: Rules) => {
    setRules(version)
    setDraft(draftOf(version, project.categories))
  }
  const publishing = usePublishing(project.id, (version, sent) => {
    setRules(version)
    // What was written while it was sent stays.
    setDraft((now) => (now === sent ? draftOf(version, project.categories) : now))
  })
  const isUnsaved = isChanged(draft, rules, project.categories)
  useLoss("What you wrote of the rules is not published.", isUnsaved)
  const isBehind = newest.version > rules.version
  if (newest !== rules && newest.version >= rules.version && !isUnsaved) take(newest)
  const change = (name: string) => (section: DraftSection) =>
    setDraft((before) => ({ ...before, [name]: section }))
  const first = sectionOf(draft, PROJECT)
  return (
    <>
      <Standing project={project} rules={rules} />
      <SectionFields
        projectId={project.id}
        label="Of the whole project"
        section={first}
        onChange={change(PROJECT)}
      />
      {project.categories.map(({ id, name, color }) => (
        <details key={id} className={styles.category}>
          <summary>
            <CategoryName name={name} color={color} />
            <span className={styles.hint}>{lengthOf(sectionOf(draft, name))}</span>
          </summary>
          <SectionFields
            projectId={project.id}
            label={`Of ${name}`}
            section={sectionOf(draft, name)}
            onChange={change(name)}
          />
        </details>
      ))}
      {isBehind && isUnsaved && (
        <Meanwhile
          projectId={project.id}
          newest={newest}
          onTake={() => take(newest)}
          onKeep={() => setRules(newest)}
        />
      )}
      {publishing.error && !isBehind && <Notice tone="bad">{messageOf(publishing.error)}</Notice>}
      <div className={styles.foot}>
        <Button
          variant="primary"
          isPending={publishing.isPending}
          disabled={isBehind}
          onClick={() => publishing.mutate({ draft, version: rules.version })}
        >
          Publish version {rules.version + 1}
        </Button>
        <LinkButton to="/projects/$projectId/rules" params={{ projectId: project.id }}>
          As they are read
        </LinkButton>
      </div>
    </>
  )
}

type MeanwhileProps = {
  projectId: number
  newest: Rules
  onTake: () => void
  onKeep: () => void
}

/** Somebody else has published while a draft was written. */
function Meanwhile({ projectId, newest, onTake, onKeep }: MeanwhileProps) {
  return (
    <Notice tone="warn">
      <p>
        Version {newest.version} was published meanwhile{newest.author && `, by ${newest.author}`}.
        What you wrote is still here, and made from the version before.{" "}
        <a href={`/projects/${projectId}/rules`} target="_blank" rel="noreferrer">
          Read version {newest.version}
        </a>
      </p>
      <div className={styles.foot}>
        <Button onClick={onKeep}>Go on with mine</Button>
        <Button onClick={onTake}>Take theirs, and drop mine</Button>
      </div>
    </Notice>
  )
}

const lengthOf = ({ text, pictures }: DraftSection): string => {
  const said = [
    text.trim() && "text",
    pictures.length > 0 && formatPlural(pictures.length, "picture"),
  ]
  return said.filter(Boolean).join(", ") || "nothing yet"
}

/** Which version there is, and who was shown it. */
function Standing({ project, rules }: { project: Project; rules: Rules }) {
  const { data } = useQuery(rulesReadersQuery(project.id))
  if (rules.version === 0) {
    return <p className={styles.hint}>There are none yet. Text may be Markdown.</p>
  }
  const current = data?.filter(({ version }) => version === rules.version) ?? []
  return (
    <div className={styles.hint}>
      <p>
        Version {rules.version}, {formatMoment(rules.created_at)}
        {rules.author && `, by ${rules.author}`}. Text may be Markdown.
      </p>
      {data && (
        <details>
          <summary>{formatPlural(current.length, "person was", "people were")} shown it</summary>
          <ul>
            {data.map(({ user_id: id, email, version, seen_at: at }) => (
              <li key={id}>
                {email}: version {version}, {formatMoment(at)}
              </li>
            ))}
          </ul>
        </details>
      )}
    </div>
  )
}

type Sent = { draft: RulesDraft; version: number }

function usePublishing(projectId: number, onPublished: (rules: Rules, sent: RulesDraft) => void) {
  const queryClient = useQueryClient()
  return useMutation({
    mutationFn: ({ draft, version }: Sent) =>
      publishRules(projectId, publicationOf(draft, version)),
    onSuccess: async (published, { draft }) => {
      queryClient.setQueryData(rulesQuery(projectId).queryKey, published)
      onPublished(published, draft)
      await queryClient.invalidateQueries({ queryKey: ["projects", projectId, "rules"] })
      showToast(`Version ${published.version} is what counts`)
    },
    // Where somebody else was first, their version comes.
    onError: () => queryClient.invalidateQueries({ queryKey: rulesQuery(projectId).queryKey }),
  })
}

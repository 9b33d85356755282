import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { useState } from "react"
import { messageOf } from "@/api/client"
import type { Project } from "@/api/projects"
import { publishRules, type Rules, rulesQuery, rulesReadersQuery } from "@/api/rules"
import { CategoryName } from "@/components/badge"
import { Button, LinkButton } from "@/components/button"
import { FormSection } from "@/components/layout"
import { Notice } from "@/components/notice"
import { Loaded } from "@/components/states"
import { showToast } from "@/components/toast"
import { formatMoment } from "@/lib/dates"
import { formatPlural } from "@/lib/format"
import {
  type DraftSection,
  draftOf,
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
  // Nothing looks again by itself: another version would take the draft away. Who publishes is told.
  const query = useQuery({
    ...rulesQuery(project.id),
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnMount: "always",
  })
  return (
    <FormSection title="Rules" hint={HINT}>
      <Loaded query={query} height="12rem">
        {(rules) => <Editor key={rules.version} project={project} rules={rules} />}
      </Loaded>
    </FormSection>
  )
}

function Editor({ project, rules }: { project: Project; rules: Rules }) {
  const [draft, setDraft] = useState<RulesDraft>(() => draftOf(rules, project.categories))
  const publishing = usePublishing(project.id)
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
      {publishing.error && <Notice tone="bad">{messageOf(publishing.error)}</Notice>}
      <div className={styles.foot}>
        <Button
          variant="primary"
          isPending={publishing.isPending}
          onClick={() => publishing.mutate(publicationOf(draft, rules.version))}
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

function usePublishing(projectId: number) {
  const queryClient = useQueryClient()
  return useMutation({
    mutationFn: (body: Parameters<typeof publishRules>[1]) => publishRules(projectId, body),
    onSuccess: async (published) => {
      await queryClient.invalidateQueries({ queryKey: ["projects", projectId, "rules"] })
      showToast(`Version ${published.version} is what counts`)
    },
  })
}

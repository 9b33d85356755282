import { useInfiniteQuery, useQuery, useSuspenseQuery } from "@tanstack/react-query"
import { ScrollText } from "lucide-react"
import { useState } from "react"
import { leads } from "@/api/members"
import type { Project } from "@/api/projects"
import { type Rules, rulesQuery, rulesVersionQuery, rulesVersionsQuery } from "@/api/rules"
import { Button, LinkButton } from "@/components/button"
import { Card } from "@/components/layout"
import { RulesView } from "@/components/rules-view"
import { Select } from "@/components/select"
import { EmptyState, Loaded } from "@/components/states"
import { formatMoment } from "@/lib/dates"

/** The rules of a project, as they are and as they were. */
export function RulesReader({ project }: { project: Project }) {
  const { data: current } = useSuspenseQuery(rulesQuery(project.id))
  const [chosen, setChosen] = useState<number | null>(null)
  const isOld = chosen !== null && chosen !== current.version
  const old = useQuery({ ...rulesVersionQuery(project.id, chosen ?? 0), enabled: isOld })
  if (current.version === 0) return <NoRules project={project} />
  return (
    <>
      <VersionSelect project={project} value={chosen ?? current.version} onChange={setChosen} />
      <Loaded
        query={isOld ? old : { data: current, error: null, refetch: () => null }}
        height="12rem"
      >
        {(rules) => <OneVersion project={project} rules={rules} />}
      </Loaded>
    </>
  )
}

function OneVersion({ project, rules }: { project: Project; rules: Rules }) {
  return (
    <Card>
      {rules.sections.length === 0 ? (
        <p>This version took all rules away.</p>
      ) : (
        <RulesView rules={rules} categories={project.categories} />
      )}
    </Card>
  )
}

function NoRules({ project }: { project: Project }) {
  const params = { projectId: project.id }
  return (
    <EmptyState
      icon={ScrollText}
      title="No rules yet"
      actions={
        leads(project) && (
          <LinkButton to="/projects/$projectId/settings" params={params} variant="primary">
            Write them in the settings
          </LinkButton>
        )
      }
    >
      What counts as what in this project would stand here, and be shown to everybody who labels.
    </EmptyState>
  )
}

type VersionSelectProps = { project: Project; value: number; onChange: (version: number) => void }

function VersionSelect({ project, value, onChange }: VersionSelectProps) {
  const list = useInfiniteQuery(rulesVersionsQuery(project.id))
  const versions = list.data?.pages.flatMap((page) => page.items) ?? []
  if (versions.length < 2) return null
  return (
    <>
      <Select
        label="Version"
        value={String(value)}
        onChange={(version) => onChange(Number(version))}
        options={versions.map(({ version, created_at: at, author }) => ({
          value: String(version),
          label: [`${version}: ${formatMoment(at)}`, author].filter(Boolean).join(", "),
        }))}
      />
      {list.hasNextPage && (
        <div>
          <Button onClick={() => list.fetchNextPage()} isPending={list.isFetchingNextPage}>
            Older versions
          </Button>
        </div>
      )}
    </>
  )
}

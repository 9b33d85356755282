import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { UserPlus } from "lucide-react"
import { type ComponentProps, type FormEvent, useState } from "react"
import { messageOf } from "@/api/client"
import {
  addMember,
  changeMember,
  leads,
  type MemberRole,
  removeMember,
  type TeamPerson,
  teamQuery,
} from "@/api/members"
import { type Project, projectsQuery } from "@/api/projects"
import { useMe } from "@/api/session"
import { Badge } from "@/components/badge"
import { Button } from "@/components/button"
import { ConfirmDialog } from "@/components/dialog"
import { TextField } from "@/components/field"
import { Card, FormSection } from "@/components/layout"
import { Menu } from "@/components/menu"
import { MenuButton } from "@/components/menu-button"
import { Notice } from "@/components/notice"
import { Select } from "@/components/select"
import { Loaded } from "@/components/states"
import { Table } from "@/components/table"
import { showToast } from "@/components/toast"
import { formatAgo } from "@/lib/dates"
import { formatCount, formatDuration, formatHours, formatPercent, NOTHING } from "@/lib/format"
import { useNow } from "@/lib/use-now"
import styles from "./team.module.css"

const ROLES: readonly { value: MemberRole; label: string }[] = [
  { value: "viewer", label: "Viewer" },
  { value: "annotator", label: "Annotator" },
  { value: "lead", label: "Lead" },
]
const MEANT =
  "Viewers see images, runs and accuracy; annotators also label; leads also import, start runs and change all this."

const labelOf = (role: MemberRole): string =>
  ROLES.find(({ value }) => value === role)?.label ?? role

/** Who takes part in a project, and what they did; a lead's changes hold at once. */
export function Team({ project }: { project: Project }) {
  const query = useQuery(teamQuery(project.id))
  return (
    <>
      <Card>
        <Loaded query={query} height="8rem">
          {(people) => <TeamTable project={project} people={people} />}
        </Loaded>
        <p className={styles.note}>
          Answers are images labelled as a whole, today since midnight in UTC. Times are active
          time: hours with skips and corrections, seconds the mean of each saved answer. Found are,
          of the categories that are in images with known answers, those that were ticked.
        </p>
      </Card>
      {leads(project) && (
        <FormSection
          title="Add a member"
          hint={
            project.open_to_everybody
              ? `Everybody with an account takes part; what a member is here counts in its place. ${MEANT}`
              : `Others do not see this project; administrators see all. ${MEANT}`
          }
        >
          <AddMember projectId={project.id} />
        </FormSection>
      )}
    </>
  )
}

function useRefresh(projectId: number) {
  const queryClient = useQueryClient()
  return () =>
    Promise.all([
      queryClient.invalidateQueries({ queryKey: teamQuery(projectId).queryKey }),
      // One's own role may have changed.
      queryClient.invalidateQueries({ queryKey: projectsQuery.queryKey, exact: true }),
    ])
}

type TeamTableProps = { project: Project; people: readonly TeamPerson[] }

function TeamTable({ project, people }: TeamTableProps) {
  const now = useNow(false)
  const [removed, setRemoved] = useState<TeamPerson | null>(null)
  const refresh = useRefresh(project.id)
  const changing = useMutation({
    mutationFn: ({ person, role }: { person: TeamPerson; role: MemberRole }) =>
      person.is_member
        ? changeMember(project.id, person.user_id, role)
        : addMember(project.id, { email: person.email, role }),
    onSuccess: async (member) => {
      await refresh()
      showToast(`${member.email} is ${labelOf(member.role).toLowerCase()} here now`)
    },
  })
  const actionsFor = (person: TeamPerson) => [
    ...ROLES.filter(({ value }) => value !== person.role).map(({ value, label }) => ({
      id: value,
      label: `Make ${label.toLowerCase()}`,
      onAction: () => changing.mutate({ person, role: value }),
    })),
    ...(project.open_to_everybody || !person.is_member
      ? []
      : [{ id: "remove", label: "Remove", onAction: () => setRemoved(person) }]),
  ]
  return (
    <>
      {changing.error && <Notice tone="bad">{messageOf(changing.error)}</Notice>}
      <Table
        bare
        label="Team"
        stacks
        empty="Nobody takes part yet: add the first member below."
        rows={people}
        keyOf={({ user_id }) => user_id}
        columns={[
          { key: "email", title: "Person", kind: "long", cell: ({ email }) => email },
          {
            key: "role",
            title: "Here",
            cell: (person) => <Role person={person} project={project} />,
          },
          number("today", "Today", ({ answers_today }) => formatCount(answers_today)),
          number("answers", "In all", ({ answers }) => formatCount(answers)),
          number("hours", "Time worked", ({ active_ms }) =>
            active_ms === 0 ? NOTHING : formatHours(active_ms / HOUR),
          ),
          number("image", "Per image", ({ per_image }) => seconds(per_image)),
          number("answer", "Per category", ({ per_answer }) => seconds(per_answer)),
          number("right", "Found", ({ right }) =>
            right && right.share !== null
              ? `${formatPercent(right.share)} of ${right.of}`
              : NOTHING,
          ),
          {
            key: "seen",
            title: "Last seen",
            cell: ({ last_seen_at }) => (last_seen_at ? formatAgo(last_seen_at, now) : NOTHING),
          },
          ...(leads(project)
            ? [
                {
                  key: "actions",
                  title: "Actions",
                  quietTitle: true,
                  cell: (person: TeamPerson) => (
                    <Actions person={person} entries={actionsFor(person)} />
                  ),
                },
              ]
            : []),
        ]}
      />
      {removed && (
        <RemoveDialog projectId={project.id} member={removed} onClose={() => setRemoved(null)} />
      )}
    </>
  )
}

const HOUR = 3_600_000

const seconds = (of: TeamPerson["per_image"]): string =>
  of ? formatDuration(of.mean * 1000) : NOTHING

function number(key: string, title: string, cell: (person: TeamPerson) => string) {
  return { key, title, cell, kind: "number" as const }
}

function Role({ person, project }: { person: TeamPerson; project: Project }) {
  const { role, active, is_member } = person
  if (role === null) return <Badge>Not here any more</Badge>
  const isByAccount = !is_member && project.open_to_everybody
  return (
    <span className={styles.role}>
      {labelOf(role)}
      {!active && <Badge>Deactivated</Badge>}
      {active && !is_member && <Badge>{isByAccount ? "By account" : "Administrator"}</Badge>}
    </span>
  )
}

type Entries = ComponentProps<typeof Menu>["entries"]

function Actions({ person, entries }: { person: TeamPerson; entries: Entries }) {
  const me = useMe()
  const isGone = person.role === null && !person.active
  return (
    <div className={styles.rowactions}>
      {person.user_id === me.id && <span className={styles.hint}>You</span>}
      {person.user_id !== me.id && !isGone && (
        <Menu
          label={`Actions for ${person.email}`}
          trigger={<MenuButton label={`Change ${person.email}`}>Change</MenuButton>}
          entries={entries}
        />
      )}
    </div>
  )
}

function AddMember({ projectId }: { projectId: number }) {
  const refresh = useRefresh(projectId)
  const [email, setEmail] = useState("")
  const [role, setRole] = useState<MemberRole>("annotator")
  const adding = useMutation({
    mutationFn: () => addMember(projectId, { email: email.trim(), role }),
    onSuccess: async (member) => {
      setEmail("")
      await refresh()
      showToast(`${member.email} takes part now`)
    },
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    adding.mutate()
  }
  return (
    <form onSubmit={submit}>
      {adding.error && <Notice tone="bad">{messageOf(adding.error)}</Notice>}
      <div className={styles.add}>
        <TextField
          label="Email of an account"
          type="email"
          autoComplete="off"
          value={email}
          onChange={setEmail}
          isRequired
        />
        <Select label="Role" options={ROLES} value={role} onChange={setRole} />
        <Button type="submit" isPending={adding.isPending} disabled={email.trim() === ""}>
          <UserPlus aria-hidden="true" />
          Add member
        </Button>
      </div>
    </form>
  )
}

type RemoveProps = { projectId: number; member: TeamPerson; onClose: () => void }

function RemoveDialog({ projectId, member, onClose }: RemoveProps) {
  const refresh = useRefresh(projectId)
  const removal = useMutation({
    mutationFn: () => removeMember(projectId, member.user_id),
    onSuccess: async () => {
      await refresh()
      showToast(`${member.email} takes no part any more`)
      onClose()
    },
  })
  return (
    <ConfirmDialog
      title={`Remove ${member.email}?`}
      isOpen
      onClose={onClose}
      action="Remove member"
      onConfirm={() => removal.mutate()}
      isPending={removal.isPending}
      error={removal.error}
    >
      They no longer see this project, from now on. What they labelled stays.
    </ConfirmDialog>
  )
}

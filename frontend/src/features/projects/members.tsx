import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { UserPlus } from "lucide-react"
import { type FormEvent, useState } from "react"
import { messageOf } from "@/api/client"
import {
  addMember,
  changeMember,
  type Member,
  type MemberRole,
  membersQuery,
  removeMember,
} from "@/api/members"
import { type Project, projectsQuery } from "@/api/projects"
import { useMe } from "@/api/session"
import { Badge } from "@/components/badge"
import { Button } from "@/components/button"
import { ConfirmDialog } from "@/components/dialog"
import { TextField } from "@/components/field"
import { FormSection } from "@/components/layout"
import { Menu } from "@/components/menu"
import { MenuButton } from "@/components/menu-button"
import { Notice } from "@/components/notice"
import { Select } from "@/components/select"
import { Loaded } from "@/components/states"
import { Table } from "@/components/table"
import { showToast } from "@/components/toast"
import styles from "./members.module.css"

const ROLES: readonly { value: MemberRole; label: string }[] = [
  { value: "viewer", label: "Viewer" },
  { value: "annotator", label: "Annotator" },
  { value: "lead", label: "Lead" },
]
const MEANT =
  "Viewers see images, runs and accuracy; annotators also label; leads also import, start runs and change all this."

const labelOf = (role: MemberRole): string =>
  ROLES.find(({ value }) => value === role)?.label ?? role

/** Who takes part in a project; each change holds at once. */
export function Members({ project }: { project: Project }) {
  const query = useQuery(membersQuery(project.id))
  return (
    <FormSection
      title="Members"
      hint={
        project.open_to_everybody
          ? `Everybody with an account takes part; what a member is here counts in its place. ${MEANT}`
          : `Others do not see this project; administrators see all. ${MEANT}`
      }
    >
      <Loaded query={query} height="8rem">
        {(members) => <MemberTable project={project} members={members} />}
      </Loaded>
      <AddMember projectId={project.id} />
    </FormSection>
  )
}

function useRefresh(projectId: number) {
  const queryClient = useQueryClient()
  return () =>
    Promise.all([
      queryClient.invalidateQueries({ queryKey: membersQuery(projectId).queryKey }),
      // One's own role may have changed.
      queryClient.invalidateQueries({ queryKey: projectsQuery.queryKey, exact: true }),
    ])
}

function MemberTable({ project, members }: { project: Project; members: readonly Member[] }) {
  const me = useMe()
  const refresh = useRefresh(project.id)
  const [removed, setRemoved] = useState<Member | null>(null)
  const changing = useMutation({
    mutationFn: ({ member, role }: { member: Member; role: MemberRole }) =>
      member.is_member
        ? changeMember(project.id, member.user_id, role)
        : addMember(project.id, { email: member.email, role }),
    onSuccess: async (member) => {
      await refresh()
      showToast(`${member.email} is ${labelOf(member.role).toLowerCase()} here now`)
    },
  })
  const actionsFor = (member: Member) => [
    ...ROLES.filter(({ value }) => value !== member.role).map(({ value, label }) => ({
      id: value,
      label: `Make ${label.toLowerCase()}`,
      onAction: () => changing.mutate({ member, role: value }),
    })),
    ...(project.open_to_everybody
      ? []
      : [{ id: "remove", label: "Remove", onAction: () => setRemoved(member) }]),
  ]
  return (
    <>
      {changing.error && <Notice tone="bad">{messageOf(changing.error)}</Notice>}
      <Table
        bare
        label="Members"
        rows={members}
        keyOf={({ user_id }) => user_id}
        columns={[
          { key: "email", title: "Email", kind: "long", cell: ({ email }) => email },
          { key: "role", title: "Here", cell: ({ role }) => labelOf(role) },
          { key: "by", title: "By", isMinor: true, cell: (member) => <Reason member={member} /> },
          {
            key: "actions",
            title: "Actions",
            quietTitle: true,
            cell: (member) => (
              <div className={styles.rowactions}>
                {member.user_id === me.id ? (
                  <span className={styles.hint}>You</span>
                ) : (
                  <Menu
                    label={`Actions for ${member.email}`}
                    trigger={<MenuButton label={`Change ${member.email}`}>Change</MenuButton>}
                    entries={actionsFor(member)}
                  />
                )}
              </div>
            ),
          },
        ]}
      />
      {removed && (
        <RemoveDialog projectId={project.id} member={removed} onClose={() => setRemoved(null)} />
      )}
    </>
  )
}

function Reason({ member }: { member: Member }) {
  if (!member.active) return <Badge>Deactivated</Badge>
  return member.is_member ? <Badge tone="good">Member</Badge> : <Badge>Account</Badge>
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

type RemoveProps = { projectId: number; member: Member; onClose: () => void }

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

import { useMutation, useQuery, useQueryClient, useSuspenseQuery } from "@tanstack/react-query"
import { Link } from "@tanstack/react-router"
import { Plus } from "lucide-react"
import { useState } from "react"
import {
  changeUser,
  removeSecondFactor,
  type User,
  type UserChange,
  usersQuery,
} from "@/api/accounts"
import { messageOf } from "@/api/client"
import { aboutQuery, type Role, useMe } from "@/api/session"
import { Badge } from "@/components/badge"
import { Button } from "@/components/button"
import { DeleteDialog } from "@/components/delete-dialog"
import { PageHeading } from "@/components/layout"
import { Menu } from "@/components/menu"
import { MenuButton } from "@/components/menu-button"
import { Notice } from "@/components/notice"
import { Table } from "@/components/table"
import { showToast } from "@/components/toast"
import { formatDay } from "@/lib/dates"
import { AccessDialog } from "./access-dialog"
import styles from "./account.module.css"
import { NewUserDialog } from "./new-user-dialog"
import { PasswordDialog } from "./password-dialog"
import { ROLES, roleLabel } from "./roles"

type Change = { user: User; change: Partial<UserChange> }

export function Users() {
  const { data: users } = useSuspenseQuery(usersQuery)
  const [isAdding, setAdding] = useState(false)
  const queryClient = useQueryClient()
  const [shown, setShown] = useState<User | null>(null)
  const [opened, setOpened] = useState<User | null>(null)
  const [leaving, setLeaving] = useState<User | null>(null)
  const saving = useMutation({
    mutationFn: ({ user, change }: Change) => changeUser(user.id, change),
    onSuccess: async (user) => {
      await queryClient.invalidateQueries({ queryKey: usersQuery.queryKey })
      showToast(`${user.email} was changed`)
    },
  })
  const unlocking = useMutation({
    mutationFn: (user: User) => removeSecondFactor(user.id),
    onSuccess: async (_, user) => {
      await queryClient.invalidateQueries({ queryKey: usersQuery.queryKey })
      showToast(`${user.email} has no second factor now`)
    },
  })
  const problem = saving.error ?? unlocking.error
  return (
    <>
      <PageHeading
        title="Users"
        subtitle="Who may sign in, and what they may do."
        actions={
          <Button variant="primary" onClick={() => setAdding(true)}>
            <Plus aria-hidden="true" />
            Add user
          </Button>
        }
      />
      {problem && <Notice tone="bad">{messageOf(problem)}</Notice>}
      <UserTable
        users={users}
        onChange={saving.mutate}
        onShowAccess={setShown}
        onSetPassword={setOpened}
        onRemoveFactor={unlocking.mutate}
        onDelete={setLeaving}
      />
      <p className={styles.hint}>
        Datasets are uploaded and deleted under{" "}
        <Link to="/datasets" search={{}}>
          Datasets
        </Link>
        .
      </p>
      {isAdding && <NewUserDialog onClose={() => setAdding(false)} />}
      {opened && <PasswordDialog user={opened} onClose={() => setOpened(null)} />}
      {leaving && (
        <DeleteDialog
          thing={{ kind: "user", id: leaving.id }}
          name={`the account ${leaving.email}`}
          onClose={() => setLeaving(null)}
          onDeleted={() => queryClient.invalidateQueries({ queryKey: usersQuery.queryKey })}
        />
      )}
      {shown && <AccessDialog user={shown} onClose={() => setShown(null)} />}
    </>
  )
}

type RowActs = {
  onChange: (change: Change) => void
  onShowAccess: (user: User) => void
  onSetPassword: (user: User) => void
  onRemoveFactor: (user: User) => void
  onDelete: (user: User) => void
}

function UserTable({ users, ...acts }: { users: readonly User[] } & RowActs) {
  const me = useMe()
  return (
    <Table
      label="Users"
      stacks
      rows={users}
      keyOf={(user) => user.id}
      columns={[
        { key: "email", title: "Email", kind: "long", cell: (user) => user.email },
        { key: "role", title: "Role", cell: (user) => roleLabel(user.role) },
        {
          key: "state",
          title: "State",
          cell: ({ active }) =>
            active ? <Badge tone="good">Active</Badge> : <Badge>Deactivated</Badge>,
        },
        { key: "since", title: "Since", cell: (user) => formatDay(user.created_at) },
        {
          key: "actions",
          title: "Actions",
          quietTitle: true,
          cell: (user) =>
            user.id === me.id ? (
              <div className={styles.rowactions}>
                <span className={styles.hint}>You</span>
              </div>
            ) : (
              <UserActions user={user} {...acts} />
            ),
        },
      ]}
    />
  )
}

function UserActions({ user, ...acts }: { user: User } & RowActs) {
  const { data: about } = useQuery(aboutQuery)
  const toRole = (role: Role) => ({
    id: role,
    label: `Make ${roleLabel(role).toLowerCase()}`,
    onAction: () => acts.onChange({ user, change: { role } }),
  })
  const toggle = {
    id: "active",
    label: user.active ? "Deactivate" : "Activate",
    onAction: () => acts.onChange({ user, change: { active: !user.active } }),
  }
  const password = {
    id: "password",
    label: "Set password",
    onAction: () => acts.onSetPassword(user),
  }
  const removal = {
    id: "factor",
    label: "Remove second factor",
    onAction: () => acts.onRemoveFactor(user),
  }
  return (
    <div className={styles.rowactions}>
      <Menu
        label={`Actions for ${user.email}`}
        trigger={<MenuButton label={`Change ${user.email}`}>Change</MenuButton>}
        entries={[
          ...ROLES.filter(({ value }) => value !== user.role).map(({ value }) => toRole(value)),
          ...(about?.passwords === false ? [] : [password]),
          { id: "access", label: "Sessions and tokens", onAction: () => acts.onShowAccess(user) },
          ...(user.has_second_factor ? [removal] : []),
          toggle,
          { id: "delete", label: "Delete account", onAction: () => acts.onDelete(user) },
        ]}
      />
    </div>
  )
}

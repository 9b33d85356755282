import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query"
import { type FormEvent, useState } from "react"
import { addUser, makePasswordLink, type UserIn, usersQuery } from "@/api/accounts"
import { messageOf } from "@/api/client"
import { aboutQuery } from "@/api/session"
import { Button } from "@/components/button"
import { RadioCards } from "@/components/choice-field"
import { Dialog, DialogActions } from "@/components/dialog"
import { TextField } from "@/components/field"
import { Notice } from "@/components/notice"
import { showToast } from "@/components/toast"
import styles from "./account.module.css"
import { MIN_PASSWORD } from "./new-password-fields"
import { PasswordLinkShown } from "./password-link"
import { ROLES } from "./roles"

type Way = "link" | "password" | "provider"

type WayIn = { value: Way; label: string; description: string }

const WAYS: readonly WayIn[] = [
  { value: "link", label: "Invitation", description: "A link; they choose a password." },
  { value: "password", label: "First password", description: "They change it when they come in." },
]

/** The ways in that this installation has. */
function useWays(): readonly WayIn[] {
  const { data: about } = useQuery(aboutQuery)
  const provider = about?.provider
  return [
    ...(about?.passwords === false ? [] : WAYS),
    ...(provider
      ? [
          {
            value: "provider" as const,
            label: provider,
            description: "Known by their verified e-mail address there.",
          },
        ]
      : []),
  ]
}

/** Adds an account; of an invited person it then shows the link. */
export function NewUserDialog({ onClose }: { onClose: () => void }) {
  const queryClient = useQueryClient()
  const adding = useMutation({
    mutationFn: async ({ body, way }: Wanted) => {
      const user = await addUser(body)
      return { user, link: way === "link" ? await makePasswordLink(user.id) : null }
    },
    onSettled: () => queryClient.invalidateQueries({ queryKey: usersQuery.queryKey }),
    onSuccess: ({ user, link }) => {
      if (link) return
      showToast(`${user.email} may sign in now`)
      onClose()
    },
  })
  const { user, link } = adding.data ?? {}
  return (
    <Dialog title={link ? "Invitation" : "Add user"} isOpen onClose={onClose}>
      {user && link ? (
        <>
          <PasswordLinkShown link={link} email={user.email} />
          <DialogActions>
            <Button variant="primary" onClick={onClose}>
              Done
            </Button>
          </DialogActions>
        </>
      ) : (
        <UserForm
          onSubmit={adding.mutate}
          isPending={adding.isPending}
          error={adding.error}
          onClose={onClose}
        />
      )}
    </Dialog>
  )
}

type Wanted = { body: UserIn; way: Way }

type UserFormProps = {
  onSubmit: (wanted: Wanted) => void
  isPending: boolean
  error: Error | null
  onClose: () => void
}

function UserForm({ onSubmit, isPending, error, onClose }: UserFormProps) {
  const [email, setEmail] = useState("")
  const ways = useWays()
  const [chosen, setWay] = useState<Way>("link")
  const way = ways.some(({ value }) => value === chosen) ? chosen : (ways[0]?.value ?? "link")
  const [password, setPassword] = useState("")
  const [role, setRole] = useState<UserIn["role"]>("annotator")
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const body = { email, role, password: way === "password" ? password : null, must_change: true }
    onSubmit({ body, way })
  }
  return (
    <form className={styles.form} onSubmit={submit}>
      {error && <Notice tone="bad">{messageOf(error)}</Notice>}
      <TextField
        label="Email"
        type="email"
        autoComplete="off"
        value={email}
        onChange={setEmail}
        isRequired
        autoFocus
      />
      <RadioCards label="They sign in by" choices={ways} value={way} onChange={setWay} />
      {way === "password" && (
        <TextField
          label="First password"
          type="password"
          autoComplete="new-password"
          description={`At least ${MIN_PASSWORD} characters.`}
          minLength={MIN_PASSWORD}
          value={password}
          onChange={setPassword}
          isRequired
        />
      )}
      <RadioCards label="Role" choices={ROLES} value={role} onChange={setRole} />
      <DialogActions>
        <Button onClick={onClose}>Cancel</Button>
        <Button type="submit" variant="primary" isPending={isPending}>
          {way === "link" ? "Add and invite" : "Add user"}
        </Button>
      </DialogActions>
    </form>
  )
}

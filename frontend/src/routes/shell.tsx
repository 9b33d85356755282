import { useMutation, useSuspenseQuery } from "@tanstack/react-query"
import { Link, Outlet, useNavigate, useParams } from "@tanstack/react-router"
import { BookOpen, ChevronDown, KeyRound, Layers, LogOut, ScrollText, Users } from "lucide-react"
import { Button as AriaButton } from "react-aria-components"
import { projectsQuery } from "@/api/projects"
import { mayAct, signOut, useMe } from "@/api/session"
import { LeaveGuard, mayLeave } from "@/components/leave-guard"
import { Logo } from "@/components/logo"
import { Menu, type MenuEntry } from "@/components/menu"
import { ToastRegion } from "@/components/toast"
import styles from "./shell.module.css"

/** The frame around every page but labelling, which takes the whole window. */
export function Shell() {
  return (
    <>
      <a className={styles.skip} href="#main">
        Skip to the content
      </a>
      <header className={styles.bar}>
        <div className={styles.inner}>
          <Link to="/projects" className={styles.brand}>
            <Logo />
            weakseg
          </Link>
          <ProjectSwitch />
          <span className={styles.spacer} />
          <AccountMenu />
        </div>
      </header>
      <LeaveGuard />
      <main id="main">
        <Outlet />
      </main>
      <ToastRegion />
    </>
  )
}

function ProjectSwitch() {
  const { projectId } = useParams({ strict: false })
  const { data: projects } = useSuspenseQuery(projectsQuery)
  const navigate = useNavigate()
  const current = projects.find((project) => project.id === projectId)
  if (!current) return null
  const entries = projects.map((project) => ({
    id: String(project.id),
    label: project.name,
    isSelected: project.id === projectId,
    onAction: () => navigate({ to: "/projects/$projectId", params: { projectId: project.id } }),
  }))
  return (
    <>
      <span className={styles.slash} aria-hidden="true">
        /
      </span>
      <Menu
        label="Projects"
        placement="bottom start"
        entries={entries}
        trigger={
          <AriaButton
            className={styles.switch ?? ""}
            aria-label={`Project: ${current.name}. Switch`}
          >
            <span>{current.name}</span>
            <ChevronDown aria-hidden="true" />
          </AriaButton>
        }
      />
    </>
  )
}

function AccountMenu() {
  const me = useMe()
  const navigate = useNavigate()
  const leave = useMutation({
    mutationFn: signOut,
    onSuccess: (stays) => stays && navigate({ to: "/sign-in", ignoreBlocker: true }),
  })
  const entries: MenuEntry[] = [
    {
      id: "account",
      label: "Account and API tokens",
      icon: <KeyRound aria-hidden="true" />,
      onAction: () => navigate({ to: "/account" }),
    },
    {
      id: "guide",
      label: "Annotators' guide",
      icon: <BookOpen aria-hidden="true" />,
      onAction: () => navigate({ to: "/guide" }),
    },
    ...(mayAct(me.role, "engineer")
      ? [
          {
            id: "datasets",
            label: "Datasets",
            icon: <Layers aria-hidden="true" />,
            onAction: () => navigate({ to: "/datasets", search: {} }),
          },
        ]
      : []),
    ...(mayAct(me.role, "admin")
      ? [
          {
            id: "users",
            label: "Users",
            icon: <Users aria-hidden="true" />,
            onAction: () => navigate({ to: "/users" }),
          },
          {
            id: "audit",
            label: "Audit log",
            icon: <ScrollText aria-hidden="true" />,
            onAction: () => navigate({ to: "/audit" }),
          },
        ]
      : []),
    {
      id: "sign-out",
      label: "Sign out",
      icon: <LogOut aria-hidden="true" />,
      onAction: () => mayLeave() && leave.mutate(),
    },
  ]
  return (
    <Menu
      label="Account"
      entries={entries}
      head={
        <div className={styles.who}>
          <span>{me.email}</span>
          <span>{me.role}</span>
        </div>
      }
      trigger={
        <AriaButton className={styles.switch ?? ""} aria-label={`Account of ${me.email}`}>
          <span className={styles.avatar}>{me.email[0]}</span>
          <ChevronDown aria-hidden="true" />
        </AriaButton>
      }
    />
  )
}

import { useQuery } from "@tanstack/react-query"
import { Check, CircleAlert, CircleDashed, LoaderCircle } from "lucide-react"
import type { ReactNode } from "react"
import { leads } from "@/api/members"
import { firstStepsQuery } from "@/api/project-settings"
import type { FirstStep, Project } from "@/api/projects"
import { mayAct, useMe } from "@/api/session"
import { LinkButton } from "@/components/button"
import { Card } from "@/components/layout"
import { Notice } from "@/components/notice"
import styles from "./check-list.module.css"

type Place = "import" | "team" | "settings" | "quality" | "runs"
type Told = { title: string; action?: string; place?: Place }

const BEFORE_LABELLING = ["images", "categories", "members"] as const
const BEFORE_A_RUN = ["source", "truth", "worker", "run"] as const

const TOLD: Record<FirstStep["key"], Told> = {
  images: { title: "Images imported and checked", action: "Import images", place: "import" },
  categories: { title: "Categories", action: "Edit categories", place: "settings" },
  members: { title: "People who label", action: "Add members", place: "team" },
  source: { title: "A source dataset", action: "Choose a dataset", place: "settings" },
  truth: { title: "Gold images or a validation set", action: "Make gold images", place: "quality" },
  worker: { title: "A worker that trains" },
  run: { title: "The first run", action: "Start a run", place: "runs" },
}

/** What a new project still needs, for who leads it; a word for everybody else. Gone once it is done. */
export function CheckList({ project }: { project: Project }) {
  if (project.archived_at) return null
  return leads(project) ? <Steps project={project} /> : <Word project={project} />
}

function Word({ project }: { project: Project }) {
  const { total, rejected, registered } = project.images
  if (total - rejected - registered > 0) return null
  return (
    <Notice tone="info">
      <span>
        <strong>This project is being set up.</strong> There is nothing to do for you yet: as soon
        as there are images, they are here. Thank you for your patience.
      </span>
    </Notice>
  )
}

function Steps({ project }: { project: Project }) {
  const { data } = useQuery(firstStepsQuery(project.id))
  if (!data || data.done || data.steps.every(({ state }) => state === "done")) return null
  const left = data.steps.filter(({ state }) => state !== "done").length
  const of = (keys: readonly FirstStep["key"][]) =>
    data.steps.filter(({ key }) => keys.includes(key))
  return (
    <Card title="First steps" aside={<span className={styles.left}>{left} to go</span>}>
      <div className={styles.parts}>
        <Part title="Before people can label">
          {of(BEFORE_LABELLING).map((step) => (
            <Step key={step.key} step={step} projectId={project.id} />
          ))}
        </Part>
        <Part title="Before runs say how good it is">
          {of(BEFORE_A_RUN).map((step) => (
            <Step key={step.key} step={step} projectId={project.id} />
          ))}
        </Part>
      </div>
    </Card>
  )
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section>
      <h3 className={styles.title}>{title}</h3>
      <ul className={styles.steps}>{children}</ul>
    </section>
  )
}

const STATES = {
  open: { said: "To do", icon: <CircleDashed aria-hidden="true" /> },
  working: { said: "Under way", icon: <LoaderCircle aria-hidden="true" /> },
  problem: { said: "Needs a look", icon: <CircleAlert aria-hidden="true" /> },
  done: { said: "Done", icon: <Check aria-hidden="true" /> },
} as const

function Step({ step, projectId }: { step: FirstStep; projectId: number }) {
  const { title, action, place } = TOLD[step.key]
  const { said, icon } = STATES[step.state]
  const mayUpload = mayAct(useMe().role, "engineer")
  return (
    <li className={styles.step} data-state={step.state}>
      <span className={styles.mark} title={said}>
        {icon}
        <span className={styles.said}>{said}</span>
      </span>
      <div className={styles.words}>
        <span className={styles.what}>{title}</span>
        <span className={styles.detail}>{step.detail}</span>
      </div>
      {action && place && step.state !== "done" && (
        <LinkButton to={PLACES[place]} params={{ projectId }}>
          {action}
        </LinkButton>
      )}
      {step.key === "source" && step.state !== "done" && mayUpload && (
        <LinkButton to="/datasets" search={{}}>
          Upload one
        </LinkButton>
      )}
    </li>
  )
}

const PLACES = {
  import: "/projects/$projectId/images/import",
  settings: "/projects/$projectId/settings",
  team: "/projects/$projectId/team",
  quality: "/projects/$projectId/quality",
  runs: "/projects/$projectId/runs",
} as const

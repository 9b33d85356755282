import { useQuery } from "@tanstack/react-query"
import { ArrowLeft } from "lucide-react"
import { useCallback, useEffect, useRef, useState } from "react"
import { colorOf, type Project } from "@/api/projects"
import type { Me } from "@/api/session"
import { type SweptImage, sweepsQuery } from "@/api/sweeps"
import { CategoryName } from "@/components/badge"
import { LinkButton } from "@/components/button"
import { useShortcuts } from "@/lib/commands"
import { formatCount } from "@/lib/format"
import type { OutboxState } from "../loop/outbox"
import { Fact } from "../shared/fact"
import { Flagging } from "../shared/flagging"
import { RulesWatch } from "../shared/lazy-rules"
import { SignInDialog } from "../shared/lazy-sign-in"
import { MoreBelow } from "../shared/more-below"
import { RefusedLabels } from "../shared/refused-labels"
import { SaveStatus } from "../shared/save-status"
import { Spoken } from "../shared/spoken"
import { useSignIn } from "../shared/use-sign-in"
import { useSinglePresses } from "../shared/use-single-presses"
import { sweepCommands } from "./commands"
import { LargeImage } from "./large-image"
import type { SweepSession } from "./open-sweep"
import { PageGrid } from "./page-grid"
import type { AnsweredPage } from "./pages"
import type { Sweep } from "./sweep"
import styles from "./sweep.module.css"
import { SweepEnd } from "./sweep-end"
import { SweepHelp } from "./sweep-help"
import type { Turn } from "./sweep-state"
import { RestRule, SweepTools } from "./sweep-tools"
import { smallOf } from "./tile"
import { useSnapshot, useSweepSession } from "./use-sweep"

type DeskProps = { project: Project; category: string; me: Me }

/** One category, page by page. The project stays as it was when it was opened. */
export function SweepDesk(props: DeskProps) {
  const [opened] = useState(props)
  const session = useSweepSession(opened.project, opened.category, opened.me)
  return session && <OpenDesk {...opened} session={session} />
}

function OpenDesk({ project, category, me, session }: DeskProps & { session: SweepSession }) {
  const { sweep, feed } = session
  const state = useSnapshot(sweep)
  const outbox = useSnapshot(session.outbox)
  const fed = useSnapshot(feed)
  const grid = useRef<HTMLUListElement>(null)
  const [open, setOpen] = useState<Opened>(null)
  const signIn = useSignIn({
    obstacles: [outbox.obstacle, fed.obstacle],
    timed: sweep,
    resume: session.resume,
  })
  const commands = sweepCommands({
    sweep,
    grid,
    flag: () => setOpen("flag"),
    showHelp: () => setOpen("help"),
    showRules: () => setOpen("rules"),
  })
  useSinglePresses()
  useShortcuts(Object.values(commands), open === null && !signIn.isAsked)
  useAhead(session)
  // Counted down from here: asking again would count the pages of this session twice.
  const { data } = useQuery({ ...sweepsQuery(project.id), staleTime: Number.POSITIVE_INFINITY })
  const counted = data?.find((one) => one.category === category)?.left
  const left = counted === undefined ? null : Math.max(0, counted - state.finished)
  const { turn, message } = state
  const waiting = outbox.waiting.length
  return (
    <div className={styles.page}>
      <header>
        <DeskBar {...{ project, category, left, outbox }} finished={state.finished} />
        {turn && <RestRule turn={turn} flip={commands.flip} />}
        <Dialogs
          {...{ project, me, sweep, open, setOpen }}
          image={imageOf(turn)}
          obstacles={[outbox.obstacle, fed.obstacle]}
          mayOpen={state.isPainted && !signIn.isAsked}
        />
      </header>
      <main className={styles.desk}>
        {turn ? (
          <PageGrid sweep={sweep} turn={turn} grid={grid} />
        ) : (
          <SweepEnd {...{ project, category, left, waiting }} feed={fed} onRetry={session.resume} />
        )}
        {turn && state.isLarge && <LargeImage sweep={sweep} turn={turn} flag={commands.flag} />}
        {outbox.refused.length > 0 && (
          <RefusedLabels outbox={session.outbox} refused={outbox.refused} />
        )}
      </main>
      <footer className={styles.foot}>
        {turn && (
          <>
            <MoreBelow list={grid} subject={turn.page.id} />
            <SweepTools state={state} turn={turn} commands={commands} />
          </>
        )}
      </footer>
      <Spoken message={message} />
      {message.isShown && (
        <p className={styles.hint} key={message.number} aria-hidden="true">
          {message.text}
        </p>
      )}
      {signIn.isAsked && (
        <SignInDialog me={me} waiting={waiting} onSignedIn={signIn.done} onClose={signIn.putOff} />
      )}
    </div>
  )
}

/** The image that keys mean. */
const imageOf = (turn: Turn | null): SweptImage | null => turn?.page.images[turn.at] ?? null

type Opened = "help" | "rules" | "flag" | null

type DialogsProps = {
  project: Project
  me: Me
  sweep: Sweep
  /** The one that keys mean. */
  image: SweptImage | null
  /** What keeps answers and pages waiting. */
  obstacles: readonly unknown[]
  open: Opened
  setOpen: (open: Opened) => void
  /** Whether something may open by itself. */
  mayOpen: boolean
}

function Dialogs(props: DialogsProps) {
  const { project, me, sweep, image, obstacles, open, setOpen, mayOpen } = props
  const close = () => {
    setOpen(null)
    sweep.askAnew()
  }
  const openRules = useCallback(() => setOpen("rules"), [setOpen])
  return (
    <>
      {open === "help" && <SweepHelp onClose={close} />}
      <RulesWatch
        project={project}
        isFree={mayOpen && open === null}
        isOpen={open === "rules"}
        onOpen={openRules}
        onClose={close}
        timed={sweep}
      />
      <Flagging
        projectId={project.id}
        me={me}
        image={image}
        isOpen={open === "flag"}
        onClose={close}
        say={(text, isShown) => sweep.say(text, isShown)}
        isAbove
        isHindered={obstacles.some((one) => one !== null)}
      />
    </>
  )
}

type BarProps = {
  project: Project
  category: string
  left: number | null
  finished: number
  outbox: OutboxState<AnsweredPage>
}

function DeskBar({ project, category, left, finished, outbox }: BarProps) {
  const params = { projectId: project.id }
  return (
    <div className={styles.bar}>
      <LinkButton
        to="/projects/$projectId"
        params={params}
        variant="quiet"
        size="icon"
        aria-label={`Leave the sweep, to ${project.name}`}
      >
        <ArrowLeft aria-hidden="true" />
      </LinkButton>
      <h1>
        Is there <CategoryName name={category} color={colorOf(project, category)} />?
      </h1>
      <LinkButton
        to="/projects/$projectId/sweep"
        params={params}
        search={{}}
        variant="quiet"
        className={styles.another ?? ""}
      >
        Another category
      </LinkButton>
      <span className={styles.spacer} />
      {left !== null && <Fact name="left">{formatCount(left)}</Fact>}
      <Fact name="answered">{formatCount(finished)}</Fact>
      <SaveStatus outbox={outbox} />
    </div>
  )
}

/** The next page's pictures are there before it is shown. */
function useAhead({ feed }: SweepSession): void {
  const next = useSnapshot(feed).queue[1]?.page
  useEffect(() => {
    for (const image of next?.images ?? []) new Image().src = smallOf(image)
  }, [next])
}

import {
  CircleHelp,
  type LucideIcon,
  Maximize2,
  Repeat2,
  StepBack,
  StepForward,
} from "lucide-react"
import type { ReactNode } from "react"
import { Button } from "@/components/button"
import { KeyCap } from "../shared/key-cap"
import { keyOf, SWEEP_COMMANDS, type SweepCommandId } from "./commands"
import { idsByAnswer, sumOf } from "./marks"
import styles from "./sweep.module.css"
import type { SweepState, Turn } from "./sweep-state"

type ToolsProps = { state: SweepState; turn: Turn; run: (id: SweepCommandId) => void }

/** What a page will be saved as, and the commands as buttons. */
export function SweepTools({ state, turn, run }: ToolsProps) {
  const isEarlier = state.stepsBack > 0
  const said = idsByAnswer(turn.marks, turn.page.images)
  return (
    <div className={styles.tools} role="toolbar" aria-label="Actions">
      <IconTool id="back" icon={StepBack} run={run} isOff={!state.hasPast} />
      {isEarlier && <IconTool id="forward" icon={StepForward} run={run} />}
      <IconTool id="enlarge" icon={Maximize2} run={run} />
      <IconTool id="help" icon={CircleHelp} run={run} />
      <Wide id="doubt" run={run}>
        Not sure
      </Wide>
      <p className={styles.sum}>{sumOf(said)}</p>
      <Wide id="submit" run={run} isPrimary isOff={turn.clock === null}>
        {isEarlier ? "Save and forward" : "Save and next page"}
      </Wide>
    </div>
  )
}

type RuleProps = { turn: Turn; run: (id: SweepCommandId) => void }

/** What happens to the images that a person leaves alone. */
export function RestRule({ turn, run }: RuleProps) {
  const { page, marks } = turn
  const ticked = page.images.filter((image) => image.ticked).length
  const other = marks.rest === "absent" ? "present" : "absent"
  return (
    <div className={styles.rule}>
      <p>
        Mark the exceptions: what you leave alone is answered <strong>{marks.rest}</strong>
        {marks.rest === "absent" && ticked > 0 && `, but for the ${ticked} that the model expects`}.
      </p>
      <Button onClick={() => run("flip")}>
        <Repeat2 aria-hidden="true" />
        Answer them {other}
        <KeyCap chord={keyOf("flip")} />
      </Button>
      <span className={styles.order}>
        {page.sorted_by === "probability"
          ? "The likeliest first, by the model"
          : "In order of import: no model's word is shown"}
      </span>
    </div>
  )
}

type ToolProps = { id: SweepCommandId; run: (id: SweepCommandId) => void; isOff?: boolean }

function IconTool({ id, icon: Icon, run, isOff }: ToolProps & { icon: LucideIcon }) {
  const label = SWEEP_COMMANDS.find((command) => command.id === id)?.label
  return (
    <Button
      variant="quiet"
      size="icon"
      aria-label={label}
      title={`${label} (${keyOf(id)})`}
      disabled={isOff}
      onClick={() => run(id)}
    >
      <Icon aria-hidden="true" />
    </Button>
  )
}

type WideProps = ToolProps & { isPrimary?: boolean; children: ReactNode }

function Wide({ id, run, isOff, isPrimary, children }: WideProps) {
  return (
    <Button variant={isPrimary ? "primary" : "secondary"} disabled={isOff} onClick={() => run(id)}>
      {children}
      <KeyCap chord={keyOf(id)} />
    </Button>
  )
}

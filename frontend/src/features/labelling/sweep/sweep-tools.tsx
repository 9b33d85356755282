import {
  BookOpen,
  CircleHelp,
  Flag,
  type LucideIcon,
  Maximize2,
  Repeat2,
  StepBack,
  StepForward,
} from "lucide-react"
import { Button } from "@/components/button"
import type { Command } from "@/lib/commands"
import { ToolButton, WideButton } from "../shared/command-buttons"
import { KeyCap } from "../shared/key-cap"
import type { SweepCommands } from "./commands"
import { idsByAnswer, sumOf } from "./marks"
import styles from "./sweep.module.css"
import type { SweepState, Turn } from "./sweep-state"

type ToolsProps = { state: SweepState; turn: Turn; commands: SweepCommands }

/** What a page will be saved as, and the commands as buttons. */
export function SweepTools({ state, turn, commands }: ToolsProps) {
  const isEarlier = state.stepsBack > 0
  const { marks, page } = turn
  return (
    <div className={styles.tools} role="toolbar" aria-label="Actions">
      <Tool command={commands.back} icon={StepBack} isOff={!state.hasPast} />
      {isEarlier && <Tool command={commands.forward} icon={StepForward} />}
      <Tool command={commands.enlarge} icon={Maximize2} />
      <Tool command={commands.flag} icon={Flag} />
      <Tool command={commands.rules} icon={BookOpen} />
      <Tool command={commands.help} icon={CircleHelp} />
      <WideButton command={commands.doubt}>Not sure</WideButton>
      <p className={styles.sum}>{sumOf(idsByAnswer(marks, page.images))}</p>
      <WideButton command={commands.submit} isPrimary isOff={!state.isPainted}>
        {isEarlier ? "Save and forward" : "Save and next page"}
      </WideButton>
    </div>
  )
}

type RuleProps = { turn: Turn; flip: Command }

/** What happens to the images that a person leaves alone. */
export function RestRule({ turn, flip }: RuleProps) {
  const { page, marks } = turn
  const ticked = page.images.filter((image) => image.ticked).length
  const other = marks.rest === "absent" ? "present" : "absent"
  return (
    <div className={styles.rule}>
      <p>
        Mark the exceptions: what you leave alone is answered <strong>{marks.rest}</strong>
        {marks.rest === "absent" && ticked > 0 && `, but for the ${ticked} that the model expects`}.
      </p>
      <Button onClick={flip.run}>
        <Repeat2 aria-hidden="true" />
        Answer them {other}
        <KeyCap chord={flip.keys[0] ?? ""} />
      </Button>
      <span className={styles.order}>
        {page.sorted_by === "probability"
          ? "The likeliest first, by the model"
          : "In order of import: no model's word is shown"}
      </span>
    </div>
  )
}

type ToolProps = { command: Command; icon: LucideIcon; isOff?: boolean }

const Tool = (props: ToolProps) => (
  <ToolButton {...props} title={`${props.command.label} (${props.command.keys[0]})`} />
)

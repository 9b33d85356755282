import {
  Ban,
  CircleHelp,
  Ellipsis,
  MapPinOff,
  Maximize,
  Minus,
  Plus,
  Redo2,
  Search,
  SkipForward,
  StepBack,
  StepForward,
  Undo2,
} from "lucide-react"
import { Button } from "@/components/button"
import type { Rules } from "../modes/mode"
import { ToolButton, WideButton } from "../shared/command-buttons"
import { GuideTools, OverlayTools } from "./lazy-parts"
import type { SeeingProps } from "./seeing-panel"
import { SeeingTools } from "./seeing-tools"
import styles from "./tool-bar.module.css"

export type ToolBarProps = SeeingProps & {
  rules: Rules
  /** What the button that goes on does. */
  next: string
  isReview: boolean
  /** Whether an image was there to be seen, since when there is time for the rest. */
  isBegun: boolean
  canSkip: boolean
  canSubmit: boolean
  /** The run whose prediction is shown; null when the image has none. */
  model: string | null
}

/** The commands as buttons, for hands that are on a mouse or a screen. */
export function ToolBar(props: ToolBarProps) {
  const { commands, rules, next, isReview, isBegun, canSkip, canSubmit, model } = props
  const isKeyless = rules.categories.some((category) => category.key === null)
  return (
    <div className={styles.bar} role="toolbar" aria-label="Actions">
      <div className={styles.group}>
        <ToolButton command={commands.back} icon={StepBack} />
        {isReview && <ToolButton command={commands.forward} icon={StepForward} />}
        <ToolButton command={commands.undo} icon={Undo2} />
        <Button
          variant="quiet"
          size="icon"
          className={styles.unfold ?? ""}
          aria-label="More tools"
          popoverTarget="tools"
        >
          <Ellipsis aria-hidden="true" />
        </Button>
      </div>
      <div id="tools" popover="auto" className={styles.more}>
        <div className={styles.group}>
          <ToolButton command={commands.redo} icon={Redo2} />
          {rules.mode.tools.includes("remove") && (
            <ToolButton command={commands.remove} icon={MapPinOff} />
          )}
          {rules.mode.tools.includes("refute") && (
            <ToolButton command={commands.refute} icon={Ban} />
          )}
        </div>
        <div className={styles.group}>
          <span className={styles.zoom}>
            <ToolButton command={commands["zoom-out"]} icon={Minus} />
          </span>
          <ToolButton command={commands.fit} icon={Maximize} />
          <span className={styles.zoom}>
            <ToolButton command={commands["zoom-in"]} icon={Plus} />
          </span>
          <SeeingTools {...props} />
        </div>
        {model !== null && (
          <div className={styles.group}>
            <OverlayTools {...props} model={model} />
          </div>
        )}
        <div className={styles.group}>
          {isKeyless && <ToolButton command={commands.find} icon={Search} />}
          {isBegun && <GuideTools commands={commands} canFlag={canSkip} />}
          <ToolButton command={commands.help} icon={CircleHelp} />
        </div>
      </div>
      <div className={styles.decide}>
        <WideButton command={commands.skip} chord={commands.skip.keys.at(-1)} isOff={!canSkip}>
          <SkipForward aria-hidden="true" />
          Skip
        </WideButton>
        <WideButton command={commands.submit} isOff={!canSubmit} isPrimary>
          {next}
        </WideButton>
      </div>
    </div>
  )
}

import { Ellipsis, SkipForward, StepBack, StepForward, Undo2 } from "lucide-react"
import { Button } from "@/components/button"
import type { Rules } from "../modes/mode"
import { ToolButton, WideButton } from "../shared/command-buttons"
import { MoreTools } from "./lazy-parts"
import type { SeeingProps } from "./seeing-panel"
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
  const { commands, next, isReview, isBegun, canSkip, canSubmit } = props
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
        <span className={styles.room} />
        {isBegun && <MoreTools {...props} />}
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

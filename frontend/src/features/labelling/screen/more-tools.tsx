import {
  Ban,
  BookOpen,
  CircleHelp,
  Flag,
  MapPinOff,
  Maximize,
  Minus,
  Plus,
  Redo2,
  Search,
} from "lucide-react"
import { ToolButton } from "../shared/command-buttons"
import { OverlayTools } from "./overlay-tools"
import { SeeingTools } from "./seeing-tools"
import type { ToolBarProps } from "./tool-bar"
import styles from "./tool-bar.module.css"

/** The commands that a first image can be answered without, as buttons. */
export function MoreTools(props: ToolBarProps) {
  const { commands, rules, model, canSkip } = props
  const isKeyless = rules.categories.some((category) => category.key === null)
  return (
    <>
      <div className={styles.group}>
        <ToolButton command={commands.redo} icon={Redo2} />
        {rules.mode.tools.includes("remove") && (
          <ToolButton command={commands.remove} icon={MapPinOff} />
        )}
        {rules.mode.tools.includes("refute") && <ToolButton command={commands.refute} icon={Ban} />}
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
        <ToolButton command={commands.flag} icon={Flag} isOff={!canSkip} />
        <ToolButton command={commands.rules} icon={BookOpen} />
        <ToolButton command={commands.help} icon={CircleHelp} />
      </div>
    </>
  )
}

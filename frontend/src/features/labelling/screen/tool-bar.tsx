import type { LucideIcon } from "lucide-react"
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
import type { ReactNode } from "react"
import { Button } from "@/components/button"
import type { Rules } from "../answer/sheet"
import { type CommandId, labelOf } from "../keys/commands"
import { capOf, type Keymap, keysOf } from "../keys/keymap"
import { KeyCap } from "../shared/key-cap"
import { OverlayTools } from "./lazy-parts"
import type { SeeingProps } from "./seeing-panel"
import { SeeingTools } from "./seeing-tools"
import styles from "./tool-bar.module.css"

export type ToolBarProps = SeeingProps & {
  keymap: Keymap
  run: (id: CommandId) => void
  release: (id: CommandId) => void
  rules: Rules
  /** What the button that goes on does. */
  next: string
  isReview: boolean
  canSkip: boolean
  canSubmit: boolean
  /** The run whose prediction is shown; null when the image has none. */
  model: string | null
}

/** The commands as buttons, for hands that are on a mouse or a screen. */
export function ToolBar(props: ToolBarProps) {
  const { keymap, run, rules, next, isReview, canSkip, canSubmit, model } = props
  const tool = (id: CommandId, icon: LucideIcon) => (
    <ToolButton id={id} icon={icon} keymap={keymap} run={run} />
  )
  const isKeyless = rules.categories.some((category) => category.key === null)
  return (
    <div className={styles.bar} role="toolbar" aria-label="Actions">
      <div className={styles.group}>
        {tool("back", StepBack)}
        {isReview && tool("forward", StepForward)}
        {tool("undo", Undo2)}
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
          {tool("redo", Redo2)}
          {rules.mode !== "tags" && tool("remove", MapPinOff)}
          {rules.mode === "points" && tool("refute", Ban)}
        </div>
        <div className={styles.group}>
          <span className={styles.zoom}>{tool("zoom-out", Minus)}</span>
          {tool("fit", Maximize)}
          <span className={styles.zoom}>{tool("zoom-in", Plus)}</span>
          <SeeingTools {...props} />
        </div>
        {model !== null && (
          <div className={styles.group}>
            <OverlayTools {...props} model={model} />
          </div>
        )}
        <div className={styles.group}>
          {isKeyless && tool("find", Search)}
          {tool("help", CircleHelp)}
        </div>
      </div>
      <div className={styles.decide}>
        <WideButton
          onClick={() => run("skip")}
          chord={keysOf("skip", keymap).at(-1)}
          isOff={!canSkip}
        >
          <SkipForward aria-hidden="true" />
          Skip
        </WideButton>
        <WideButton onClick={() => run("submit")} chord="Enter" isOff={!canSubmit} isPrimary>
          {next}
        </WideButton>
      </div>
    </div>
  )
}

type ToolButtonProps = {
  id: CommandId
  icon: LucideIcon
  keymap: Keymap
  run: (id: CommandId) => void
}

function ToolButton({ id, icon: Icon, keymap, run }: ToolButtonProps) {
  const label = labelOf(id)
  const keys = keysOf(id, keymap).map(capOf).join(" or ")
  return (
    <Button
      variant="quiet"
      size="icon"
      aria-label={label}
      title={`${label} (${keys})`}
      onClick={() => run(id)}
    >
      <Icon aria-hidden="true" />
    </Button>
  )
}

type WideButtonProps = {
  onClick: () => void
  chord: string | undefined
  isOff: boolean
  isPrimary?: boolean
  children: ReactNode
}

function WideButton({ onClick, chord, isOff, isPrimary = false, children }: WideButtonProps) {
  return (
    <Button variant={isPrimary ? "primary" : "secondary"} onClick={onClick} disabled={isOff}>
      {children}
      {chord && <KeyCap chord={chord} />}
    </Button>
  )
}

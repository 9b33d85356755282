import type { LucideIcon } from "lucide-react"
import {
  Ban,
  CircleHelp,
  Eye,
  EyeOff,
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
import { COMMANDS, type Command, type CommandId } from "../keys/commands"
import { capOf, type Keymap, keysOf } from "../keys/keymap"
import type { SeeingProps } from "../later/seeing-panel"
import { KeyCap } from "./key-cap"
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
      {model !== null && <OverlayTools {...props} model={model} />}
      <div className={styles.group}>
        {isKeyless && tool("find", Search)}
        {tool("help", CircleHelp)}
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

const labelOf = (id: CommandId): string => {
  const commands: readonly Command[] = COMMANDS
  return commands.find((command) => command.id === id)?.label ?? id
}

function OverlayTools({ model, seeing, run, release, keymap }: ToolBarProps & { model: string }) {
  const hint = `${labelOf("hide")} (${keysOf("hide", keymap).map(capOf).join(" or ")})`
  const percent = Math.round(seeing.opacity * 100)
  const Icon = seeing.isHidden || seeing.opacity === 0 ? EyeOff : Eye
  return (
    <div className={styles.group}>
      <Button
        variant="quiet"
        size="icon"
        aria-label={labelOf("hide")}
        title={hint}
        onPointerDown={() => run("hide")}
        onPointerUp={() => release("hide")}
        onPointerLeave={() => release("hide")}
      >
        <Icon aria-hidden="true" />
      </Button>
      <label className={styles.opacity}>
        <span>{model}</span>
        <input
          type="range"
          min={0}
          max={100}
          step={5}
          value={percent}
          aria-label="Strength of the prediction"
          aria-valuetext={`${percent} %`}
          onChange={(event) => seeing.fade(Number(event.target.value) / 100)}
        />
      </label>
    </div>
  )
}

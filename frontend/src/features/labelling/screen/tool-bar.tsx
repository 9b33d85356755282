import type { LucideIcon } from "lucide-react"
import {
  CircleHelp,
  Eye,
  EyeOff,
  MapPinOff,
  Maximize,
  Minus,
  Plus,
  Redo2,
  SkipForward,
  StepBack,
  StepForward,
  Undo2,
} from "lucide-react"
import type { ReactNode } from "react"
import { Button } from "@/components/button"
import {
  COMMANDS,
  type Command,
  type CommandId,
  capOf,
  type Keymap,
  keysOf,
} from "../keys/commands"
import { KeyCap } from "./key-cap"
import styles from "./tool-bar.module.css"

export type ToolBarProps = {
  keymap: Keymap
  run: (id: CommandId) => void
  release: (id: CommandId) => void
  asksPoints: boolean
  isReview: boolean
  canSkip: boolean
  canSubmit: boolean
  /** Null when the image has no prediction to show. */
  overlay: {
    run: string
    opacity: number
    onOpacity: (opacity: number) => void
    isHidden: boolean
  } | null
}

/** The commands as buttons, for hands that are on a mouse or a screen. */
export function ToolBar(props: ToolBarProps) {
  const { keymap, run, asksPoints, isReview, canSkip, canSubmit, overlay } = props
  const tool = (id: CommandId, icon: LucideIcon) => (
    <ToolButton id={id} icon={icon} keymap={keymap} run={run} />
  )
  return (
    <div className={styles.bar} role="toolbar" aria-label="Actions">
      <div className={styles.group}>
        {tool("back", StepBack)}
        {isReview && tool("forward", StepForward)}
        {tool("undo", Undo2)}
        {tool("redo", Redo2)}
        {asksPoints && tool("remove", MapPinOff)}
      </div>
      <div className={styles.group}>
        <span className={styles.zoom}>{tool("zoom-out", Minus)}</span>
        {tool("fit", Maximize)}
        <span className={styles.zoom}>{tool("zoom-in", Plus)}</span>
      </div>
      {overlay && <OverlayTools {...props} overlay={overlay} />}
      <div className={styles.group}>{tool("help", CircleHelp)}</div>
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
          {isReview ? "Save change" : "Save and next"}
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

type OverlayToolsProps = ToolBarProps & { overlay: NonNullable<ToolBarProps["overlay"]> }

function OverlayTools({ overlay, run, release, keymap }: OverlayToolsProps) {
  const hint = `${labelOf("hide")} (${keysOf("hide", keymap).map(capOf).join(" or ")})`
  const percent = Math.round(overlay.opacity * 100)
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
        {overlay.isHidden || overlay.opacity === 0 ? (
          <EyeOff aria-hidden="true" />
        ) : (
          <Eye aria-hidden="true" />
        )}
      </Button>
      <label className={styles.opacity}>
        <span>{overlay.run}</span>
        <input
          type="range"
          min={0}
          max={100}
          step={5}
          value={percent}
          aria-label="Strength of the prediction"
          aria-valuetext={`${percent} %`}
          onChange={(event) => overlay.onOpacity(Number(event.target.value) / 100)}
        />
      </label>
    </div>
  )
}

import type { LucideIcon } from "lucide-react"
import type { ReactNode } from "react"
import { Button } from "@/components/button"
import { type Command, hintOf } from "@/lib/commands"
import { KeyCap } from "./key-cap"

type ToolButtonProps = { command: Command; icon: LucideIcon; title?: string; isOff?: boolean }

/** A command as an icon. */
export function ToolButton({ command, icon: Icon, title, isOff = false }: ToolButtonProps) {
  return (
    <Button
      variant="quiet"
      size="icon"
      aria-label={command.label}
      title={title ?? hintOf(command)}
      disabled={isOff}
      onClick={command.run}
    >
      <Icon aria-hidden="true" />
    </Button>
  )
}

type WideButtonProps = {
  command: Command
  /** The key to show, where it is not the first. */
  chord?: string | undefined
  isOff?: boolean
  isPrimary?: boolean
  children: ReactNode
}

/** A command with words and its key. */
export function WideButton(props: WideButtonProps) {
  const { command, chord = command.keys[0], isOff = false, isPrimary = false, children } = props
  return (
    <Button variant={isPrimary ? "primary" : "secondary"} disabled={isOff} onClick={command.run}>
      {children}
      {chord && <KeyCap chord={chord} />}
    </Button>
  )
}

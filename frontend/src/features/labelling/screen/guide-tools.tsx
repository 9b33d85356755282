import { BookOpen, Flag } from "lucide-react"
import type { LabellingCommands } from "../keys/commands"
import { ToolButton } from "../shared/command-buttons"

type GuideProps = { commands: LabellingCommands; canFlag: boolean }

/** What helps to answer: the rules, and to ask. */
export function GuideTools({ commands, canFlag }: GuideProps) {
  return (
    <>
      <ToolButton command={commands.flag} icon={Flag} isOff={!canFlag} />
      <ToolButton command={commands.rules} icon={BookOpen} />
    </>
  )
}

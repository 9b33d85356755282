import { AnchorButton } from "@/components/button"
import { Dialog } from "@/components/dialog"
import { KeyGroups } from "../shared/help"
import dialogs from "../shared/help.module.css"
import { SWEEP_COMMANDS } from "./commands"

/** All keys of a sweep. */
export function SweepHelp({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keys" isOpen onClose={onClose}>
      <div className={dialogs.keys}>
        <KeyGroups commands={SWEEP_COMMANDS} />
        <AnchorButton href="/guide" target="_blank">
          Annotators' guide
        </AnchorButton>
      </div>
    </Dialog>
  )
}

import { useState } from "react"
import { AnchorButton, Button } from "@/components/button"
import { Dialog } from "@/components/dialog"
import type { CommandRow } from "@/lib/commands"
import type { LabellingCommands } from "../keys/commands"
import type { Keys } from "../loop/transport"
import type { Rules } from "../modes/mode"
import { KeyGroups, KeyLine } from "../shared/help"
import styles from "../shared/help.module.css"
import { KeyEditor } from "./key-editor"

type HelpProps = {
  projectId: number
  rules: Rules
  commands: LabellingCommands
  hasOverlay: boolean
  onKeys: (keys: Keys) => void
  onClose: () => void
}

/** All keys, from the table that makes them work, and one's own for the categories. */
export function HelpDialog({ projectId, rules, commands, hasOverlay, onKeys, onClose }: HelpProps) {
  const [isEditing, setEditing] = useState(false)
  const { asksPoints, pressing, tools, keyHelp } = rules.mode
  const has: Record<string, boolean> = { places: tools.length > 0, overlay: hasOverlay }
  const isOffered = ({ needs }: CommandRow) => !needs || has[needs]
  return (
    <Dialog title="Keys" isOpen onClose={onClose}>
      <div className={styles.keys}>
        <section>
          <h3>Categories</h3>
          <dl>
            <KeyLine label={pressing} chords={["A", "9"]} joint="…" />
            <KeyLine
              label="Not sure about it: it is left out"
              chords={["Shift+a", "Shift+9"]}
              joint="…"
            />
            {keyHelp(rules).map(({ label, chords }) => (
              <KeyLine key={label} {...{ label, chords }} joint="…" />
            ))}
          </dl>
          {asksPoints && <p className={styles.note}>{TURNS}</p>}
          {isEditing ? (
            <KeyEditor projectId={projectId} categories={rules.categories} onChange={onKeys} />
          ) : (
            <Button onClick={() => setEditing(true)}>Choose your own keys</Button>
          )}
        </section>
        <KeyGroups commands={Object.values(commands).filter(isOffered)} />
        <p className={styles.note}>
          The wheel zooms to the cursor, dragging moves the image, two fingers do both. Without a
          pointer: go to the image with Tab; the arrows move a crosshair (finely with Shift) or go
          from tile to tile, and Space sets the point or the tile.
        </p>
        <AnchorButton href="/guide" target="_blank">
          Annotators' guide
        </AnchorButton>
      </div>
    </Dialog>
  )
}

const TURNS =
  "A ticked category has its turn: a click on the image places its point, and the next one that " +
  "wants a point follows. A click while a category's key is held is a point of that category."

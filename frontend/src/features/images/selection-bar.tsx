import { RotateCcw, X } from "lucide-react"
import { useState } from "react"
import { Button } from "@/components/button"
import { formatCount } from "@/lib/format"
import styles from "./gallery.module.css"
import { RequeueDialog } from "./requeue"

type SelectionBarProps = {
  projectId: number
  selected: readonly number[]
  /** How many images could be selected now. */
  shown: number
  onSelectAll: () => void
  onClear: () => void
}

/** What can be done with the selected images. */
export function SelectionBar(props: SelectionBarProps) {
  const { projectId, selected, shown, onSelectAll, onClear } = props
  const [isAsking, setAsking] = useState(false)
  return (
    <section className={styles.bar} aria-label="Selected images">
      <span role="status">{formatCount(selected.length)} selected</span>
      <Button variant="primary" onClick={() => setAsking(true)}>
        <RotateCcw aria-hidden="true" />
        Hand out again
      </Button>
      {selected.length < shown && (
        <Button onClick={onSelectAll}>Select all {formatCount(shown)} shown</Button>
      )}
      <Button variant="quiet" onClick={onClear}>
        <X aria-hidden="true" />
        Clear
      </Button>
      <RequeueDialog
        projectId={projectId}
        imageIds={selected}
        isOpen={isAsking}
        onClose={() => setAsking(false)}
        onDone={onClear}
      />
    </section>
  )
}

import { Eye, EyeOff } from "lucide-react"
import { Button } from "@/components/button"
import { type CommandId, labelOf } from "../keys/commands"
import { capOf, keysOf } from "../keys/keymap"
import styles from "./overlay-tools.module.css"
import type { SeeingProps } from "./seeing-panel"

type OverlayProps = Pick<SeeingProps, "seeing" | "keymap"> & {
  /** The run whose prediction is shown. */
  model: string
  run: (id: CommandId) => void
  release: (id: CommandId) => void
}

/** What is shown of the prediction, and how strongly. */
export function OverlayTools({ model, seeing, run, release, keymap }: OverlayProps) {
  const hint = `${labelOf("hide")} (${keysOf("hide", keymap).map(capOf).join(" or ")})`
  const percent = Math.round(seeing.opacity * 100)
  const Icon = seeing.isHidden || seeing.opacity === 0 ? EyeOff : Eye
  return (
    <div className={styles.tools}>
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

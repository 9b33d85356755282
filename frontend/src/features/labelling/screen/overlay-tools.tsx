import { Eye, EyeOff } from "lucide-react"
import { Button } from "@/components/button"
import { hintOf } from "@/lib/commands"
import styles from "./overlay-tools.module.css"
import type { SeeingProps } from "./seeing-panel"

type OverlayProps = Pick<SeeingProps, "seeing" | "commands"> & {
  /** The run whose prediction is shown. */
  model: string
}

/** What is shown of the prediction, and how strongly. */
export function OverlayTools({ model, seeing, commands: { hide } }: OverlayProps) {
  const letGo = () => hide.release?.(true)
  const percent = Math.round(seeing.opacity * 100)
  const Icon = seeing.isHidden || seeing.opacity === 0 ? EyeOff : Eye
  return (
    <div className={styles.tools}>
      <Button
        variant="quiet"
        size="icon"
        aria-label={hide.label}
        title={hintOf(hide)}
        onPointerDown={hide.run}
        onPointerUp={letGo}
        onPointerLeave={letGo}
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

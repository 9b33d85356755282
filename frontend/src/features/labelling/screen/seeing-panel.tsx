import { Button } from "@/components/button"
import { capOf } from "@/lib/keys"
import type { LabellingCommands } from "../keys/commands"
import { LIMITS, type Look } from "../stage/look"
import styles from "./seeing-panel.module.css"
import type { useSeeing } from "./use-seeing"

export type SeeingProps = {
  seeing: ReturnType<typeof useSeeing>
  commands: LabellingCommands
  hasSafeColors: boolean
  onSafeColors: (isOn: boolean) => void
}

const PROPERTIES = [
  { property: "brightness", label: "Brightness", less: "darker", more: "brighter" },
  { property: "contrast", label: "Contrast", less: "flatter", more: "crisper" },
  { property: "gamma", label: "Shadows (gamma)", less: "deeper", more: "lighter" },
] as const

/** How the image is shown. */
export function SeeingPanel({ seeing, commands, hasSafeColors, onSafeColors }: SeeingProps) {
  const { look, adjust } = seeing
  return (
    <div className={styles.panel}>
      {PROPERTIES.map(({ property, label, less, more }) => (
        <Slider
          key={property}
          label={label}
          keys={[less, more].flatMap((id) => commands[id].keys).map(capOf)}
          limits={LIMITS[property]}
          value={look[property]}
          onChange={(value) => adjust(property as keyof Look, value)}
        />
      ))}
      <Button onClick={commands.plain.run}>As it is</Button>
      <label className={styles.check}>
        <input
          type="checkbox"
          checked={hasSafeColors}
          onChange={(event) => onSafeColors(event.target.checked)}
        />
        Category colours that are safe for colour-blind people
      </label>
    </div>
  )
}

type SliderProps = {
  label: string
  keys: readonly string[]
  limits: readonly [number, number]
  value: number
  onChange: (value: number) => void
}

function Slider({ label, keys, limits: [least, most], value, onChange }: SliderProps) {
  return (
    <label className={styles.slider}>
      <span>
        {label} <kbd>{keys.join(" ")}</kbd>
      </span>
      <output>{Math.round(value * 100)} %</output>
      <input
        type="range"
        min={least}
        max={most}
        step={0.05}
        value={value}
        aria-label={label}
        aria-valuetext={`${Math.round(value * 100)} %`}
        onChange={(event) => onChange(Number(event.target.value))}
      />
    </label>
  )
}

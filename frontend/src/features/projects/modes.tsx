import type { ComponentType, ReactNode } from "react"
import type { Mode } from "@/api/projects"
import type { Choice } from "@/components/choice-field"
import { TextField } from "@/components/field"
import styles from "./modes.module.css"
import type { FieldsProps } from "./settings-fields"

/** A street scene, and what people give for it. */
function Picture({ answers }: { answers: ReactNode }) {
  return (
    <svg className={styles.picture} viewBox="0 0 128 64" aria-hidden="true">
      <rect width="84" height="64" rx="5" className={styles.sky} />
      <path d="M0 40 H84 V59 a5 5 0 0 1 -5 5 H5 a5 5 0 0 1 -5 -5 Z" className={styles.road} />
      <rect x="8" y="14" width="22" height="26" rx="1.5" className={styles.house} />
      <path
        d="M46 48 v-6 l5 -7 h16 l6 7 v6 a2 2 0 0 1 -2 2 H48 a2 2 0 0 1 -2 -2 Z"
        className={styles.car}
      />
      {answers}
    </svg>
  )
}

const Tiles = () => (
  <>
    <rect x="42" y="32" width="42" height="32" className={styles.tile} />
    <path d="M42 0 V64 M0 32 H84" className={styles.grid} />
  </>
)

const Points = () => (
  <>
    <circle cx="19" cy="27" r="4" className={styles.point} />
    <circle cx="60" cy="43" r="4" className={styles.point} />
  </>
)

const Ticks = () => (
  <>
    {[14, 32, 50].map((y, index) => (
      <g key={y}>
        <rect x="94" y={y - 5} width="10" height="10" rx="2" className={styles.box} />
        {index < 2 && <path d={`M96.5 ${y} l2 2.5 l3.5 -5`} className={styles.tick} />}
        <rect x="109" y={y - 2} width="18" height="4" rx="2" className={styles.word} />
      </g>
    ))}
  </>
)

/** The categories come up one after the other. */
const Turn = () => (
  <>
    <rect x="92" y="24" width="36" height="16" rx="4" className={styles.current} />
    {[14, 32, 50].map((y) => (
      <rect key={y} x="99" y={y - 2} width="22" height="4" rx="2" className={styles.word} />
    ))}
  </>
)

const TileKey = () => (
  <>
    <rect x="94" y="27" width="10" height="10" rx="2" className={styles.tile} />
    <rect x="109" y="30" width="18" height="4" rx="2" className={styles.word} />
  </>
)

const PointFields = ({ draft, onChange, problems }: FieldsProps) => (
  <TextField
    label="Points of each category"
    description="From 1 to 10. More are welcome, fewer are accepted."
    value={draft.pointsPerCategory}
    onChange={(pointsPerCategory) => onChange({ pointsPerCategory })}
    inputMode="numeric"
    error={problems.pointsPerCategory ?? null}
  />
)

const TileFields = ({ draft, onChange, problems }: FieldsProps) => (
  <>
    <TextField
      label="Rows of tiles"
      description="From 1 to 16. Up to 3 by 3 fits the numeric keypad."
      value={draft.tileRows}
      onChange={(tileRows) => onChange({ tileRows })}
      inputMode="numeric"
      error={problems.grid ?? null}
    />
    <TextField
      label="Columns of tiles"
      value={draft.tileCols}
      onChange={(tileCols) => onChange({ tileCols })}
      inputMode="numeric"
    />
  </>
)

type ModeChoice = Required<Pick<Choice<Mode>, "label" | "description">> & {
  answers: ReactNode
  /** What only this mode asks for. */
  Fields?: ComponentType<FieldsProps>
}

const CHOICES: Readonly<Record<Mode, ModeChoice>> = {
  "tags-and-points": {
    label: "Tags and points",
    description: "A click on the image with a category's key ticks it and places a point.",
    Fields: PointFields,
    answers: (
      <>
        <Points />
        <Ticks />
      </>
    ),
  },
  tags: {
    label: "Tags",
    description: "Tick which categories are in the image.",
    answers: <Ticks />,
  },
  points: {
    label: "Points in turn",
    description: "Tick first; then each category that is there comes up for its click.",
    Fields: PointFields,
    answers: (
      <>
        <Points />
        <Turn />
      </>
    ),
  },
  tiles: {
    label: "Tiles",
    description: "Say in which parts of the image each category is. It teaches more than tags.",
    Fields: TileFields,
    answers: (
      <>
        <Tiles />
        <TileKey />
      </>
    ),
  },
}

/** What a project may ask people for. */
export const MODES: readonly Choice<Mode>[] = Object.entries(CHOICES).map(
  ([mode, { label, description, answers }]) => ({
    value: mode as Mode,
    label,
    description,
    picture: <Picture answers={answers} />,
  }),
)

/** What only some modes ask for. */
export function ModeFields(props: FieldsProps) {
  const { Fields } = CHOICES[props.draft.mode]
  return Fields && <Fields {...props} />
}

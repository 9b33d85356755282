import type { ReactNode } from "react"
import type { Mode } from "@/api/projects"
import styles from "./mode-picture.module.css"

/** A street scene, and what people give for it in a mode. */
export function ModePicture({ mode }: { mode: Mode }) {
  return (
    <svg className={styles.picture} viewBox="0 0 128 64" aria-hidden="true">
      <rect width="84" height="64" rx="5" className={styles.sky} />
      <path d="M0 40 H84 V59 a5 5 0 0 1 -5 5 H5 a5 5 0 0 1 -5 -5 Z" className={styles.road} />
      <rect x="8" y="14" width="22" height="26" rx="1.5" className={styles.house} />
      <path
        d="M46 48 v-6 l5 -7 h16 l6 7 v6 a2 2 0 0 1 -2 2 H48 a2 2 0 0 1 -2 -2 Z"
        className={styles.car}
      />
      {ANSWERS[mode]}
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

const ANSWERS: Readonly<Record<Mode, ReactNode>> = {
  tags: <Ticks />,
  points: (
    <>
      <Points />
      <Turn />
    </>
  ),
  "tags-and-points": (
    <>
      <Points />
      <Ticks />
    </>
  ),
  tiles: (
    <>
      <Tiles />
      <TileKey />
    </>
  ),
}

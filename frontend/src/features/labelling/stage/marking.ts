import type { DOMAttributes, ReactNode } from "react"
import type { Size, Spot } from "../answer/geometry"
import type { Meaning } from "./gesture"
import type { Marks } from "./marks"
import type { StageProps } from "./stage"
import type { Viewport } from "./viewport"

export type MarkingProps = { viewport: Viewport; size: Size; marks: Marks } & Pick<
  StageProps,
  "imageId" | "image" | "sheet" | "rules" | "handlers"
>

/** What is meant of the image, and not of the view of it. */
export type Marked = Exclude<Meaning, { kind: "pan" } | { kind: "pinch" }>

/** A marking at work on one image. */
export type OnStage = {
  layer: ReactNode
  onMeaning: (meaning: Marked) => void
  /** A spot of the stage that the keyboard is on, as a pointer would be; null for none. */
  cursor: Spot | null
  keys: Pick<DOMAttributes<HTMLElement>, "onKeyDown" | "onFocus" | "onBlur">
}

/** A way of marking places on the image: what is drawn over it, and what pointers and keys do. */
export type Marking = {
  /** The image's name for somebody who does not see it: it says what keys do. */
  name: string
  /** Whether fingers brush over the image, instead of moving it, while a category is active. */
  hasBrush: boolean
  useMarking: (props: MarkingProps) => OnStage
  /** Fetches what is not there yet. */
  preload: () => void
}

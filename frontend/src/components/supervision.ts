import type { Supervision } from "@/api/projects"
import type { Choice } from "./choice-field"

/** How each kind of supervision is called and drawn, everywhere the same. */
export const SUPERVISIONS: readonly (Choice<Supervision> & { description: string })[] = [
  {
    value: "source-only",
    label: "Source only",
    description: "Trains on the source domain alone: the baseline that costs no labelling.",
  },
  {
    value: "pseudo",
    label: "Pseudo labels",
    description: "Adapts to the target images with labels that the model guesses.",
  },
  {
    value: "image",
    label: "Image-level labels",
    description: "Adapts with the categories that people marked as present or absent.",
  },
  {
    value: "point",
    label: "Point labels",
    description: "Adapts with clicked points as well as with image-level labels.",
  },
]

export const supervisionLabel = (supervision: Supervision): string =>
  SUPERVISIONS.find(({ value }) => value === supervision)?.label ?? supervision

/** Whether a run with this supervision needs labels that people gave. */
export const needsLabels = (supervision: Supervision): boolean =>
  supervision === "image" || supervision === "point"

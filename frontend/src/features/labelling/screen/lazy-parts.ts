import { lazily } from "@/components/lazily"
import { SignInDialog } from "../shared/lazy-sign-in"

/** Apart from the others, as it comes with the categories. */
export const MoreBelow = lazily(async () => (await import("../shared/more-below")).MoreBelow)

const load = () => import("./parts")

export const Dialogs = lazily(async () => (await load()).Dialogs)
export const MoreTools = lazily(async () => (await load()).MoreTools)
export const RefusedLabels = lazily(async () => (await load()).RefusedLabels)
export const ReviewNote = lazily(async () => (await load()).ReviewNote)
export const Standstill = lazily(async () => (await load()).Standstill)

const PARTS = [Dialogs, MoreTools, MoreBelow, RefusedLabels, ReviewNote, SignInDialog, Standstill]

/** What any moment may ask for, fetched after the first image: later there may be no network. */
export function preloadParts(): void {
  for (const part of PARTS) part.preload()
}

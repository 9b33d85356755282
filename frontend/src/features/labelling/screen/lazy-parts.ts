import { lazily } from "@/components/lazily"
import { SignInDialog } from "../shared/lazy-sign-in"

/** Apart from the others, as it comes with the categories. */
export const MoreBelow = lazily(async () => (await import("../shared/more-below")).MoreBelow)

const load = () => import("./parts")

export const HelpDialog = lazily(async () => (await load()).HelpDialog)
export const OverlayTools = lazily(async () => (await load()).OverlayTools)
export const RefusedLabels = lazily(async () => (await load()).RefusedLabels)
export const RestNote = lazily(async () => (await load()).RestNote)
export const ReviewNote = lazily(async () => (await load()).ReviewNote)
export const SeeingPanel = lazily(async () => (await load()).SeeingPanel)
export const SkipDialog = lazily(async () => (await load()).SkipDialog)
export const Standstill = lazily(async () => (await load()).Standstill)

const PARTS = [
  HelpDialog,
  MoreBelow,
  OverlayTools,
  RefusedLabels,
  RestNote,
  ReviewNote,
  SeeingPanel,
  SignInDialog,
  SkipDialog,
  Standstill,
]

/** What any moment may ask for, fetched after the first image: later there may be no network. */
export function preloadParts(): void {
  for (const part of PARTS) part.preload()
}

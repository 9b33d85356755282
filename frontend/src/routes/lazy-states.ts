import { lazily } from "@/components/lazily"

const load = () => import("./page-states")

export const PageError = lazily(async () => (await load()).PageError)
export const PageNotFound = lazily(async () => (await load()).PageNotFound)
export const PagePending = lazily(async () => (await load()).PagePending)
export const NothingHere = lazily(async () => (await load()).NothingHere)

/** They may be needed when there is no network to fetch them by. */
export function preloadStates(): void {
  for (const state of [PageError, PageNotFound, PagePending, NothingHere]) state.preload()
}

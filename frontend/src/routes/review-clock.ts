import { Clock } from "@/features/labelling/loop/clock"

/** Reviewing is timed as labelling is. */
export const startClock = (): Clock => new Clock(() => performance.now())

import { RestNote } from "./lazy-parts"
import { useBreaks } from "./use-pace"

/** After 50 minutes of work, and no more than once an hour. */
export function BreakNote() {
  const { isDue, dismiss } = useBreaks()
  return isDue && <RestNote onDismiss={dismiss} />
}

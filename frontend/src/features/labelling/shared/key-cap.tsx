import { capOf } from "@/lib/keys"
import styles from "./key-cap.module.css"

/** A key as it is printed on a keyboard. */
export function KeyCap({ chord }: { chord: string }) {
  return <kbd className={styles.cap}>{capOf(chord)}</kbd>
}

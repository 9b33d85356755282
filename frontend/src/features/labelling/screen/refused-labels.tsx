import { Button } from "@/components/button"
import { Notice } from "@/components/notice"
import type { Outbox, Parcel } from "../loop/outbox"
import styles from "./labelling.module.css"

type RefusedProps = { outbox: Outbox; refused: readonly Parcel[] }

/** Labels that the server did not take, with its reason, until the person has read it. */
export function RefusedLabels({ outbox, refused }: RefusedProps) {
  if (refused.length === 0) return null
  return (
    <div className={styles.refused}>
      {refused.map((parcel) => (
        <Notice key={parcel.id} tone="bad">
          <p>
            <strong>{parcel.imageName}</strong> was not saved: {parcel.refusal}
          </p>
          <Button onClick={() => outbox.dismiss(parcel.id)}>Understood</Button>
        </Notice>
      ))}
    </div>
  )
}

import { Button } from "@/components/button"
import { Notice } from "@/components/notice"
import styles from "./refused-labels.module.css"

type RefusedProps = {
  outbox: { dismiss: (id: string) => Promise<void> }
  refused: readonly { id: string; name: string; refusal?: string }[]
}

/** What the server did not take, with its reason, until the person has read it. */
export function RefusedLabels({ outbox, refused }: RefusedProps) {
  return (
    <div className={styles.refused}>
      {refused.map((parcel) => (
        <Notice key={parcel.id} tone="bad">
          <p>
            <strong>{parcel.name}</strong> was not saved: {parcel.refusal}
          </p>
          <Button onClick={() => outbox.dismiss(parcel.id)}>Understood</Button>
        </Notice>
      ))}
    </div>
  )
}

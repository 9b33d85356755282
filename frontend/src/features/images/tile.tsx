import { Link } from "@tanstack/react-router"
import { Check, Clock, ImageOff } from "lucide-react"
import { type Image, type ImageFilter, thumbnail } from "@/api/images"
import { Badge } from "@/components/badge"
import { formatPlural } from "@/lib/format"
import styles from "./gallery.module.css"

const THUMBNAIL_WIDTH = 320

type TileProps = {
  image: Image
  projectId: number
  filter: ImageFilter
  /** Left out where nothing can be done with a selection. */
  selection?: { isSelected: boolean; onSelect: (isRange: boolean) => void }
}

export function Tile({ image, projectId, filter, selection }: TileProps) {
  return (
    <li className={styles.tile} data-selected={selection?.isSelected || undefined}>
      <Link
        to="/projects/$projectId/images/$imageId"
        params={{ projectId, imageId: image.id }}
        search={filter}
        className={styles.link}
      >
        <span className={styles.picture}>
          <TilePicture image={image} />
          <span className={styles.marks}>
            {image.disputed_at !== null && <Badge tone="warn">Disputed</Badge>}
            {image.labels > 0 && <Badge tone="good">{formatPlural(image.labels, "label")}</Badge>}
          </span>
        </span>
        <span className={styles.name} title={image.external_id}>
          {image.external_id}
        </span>
      </Link>
      {selection && (
        <label className={styles.choice}>
          <input
            type="checkbox"
            checked={selection.isSelected}
            aria-label={`Select ${image.external_id}`}
            // A change does not tell whether Shift is held.
            onChange={() => undefined}
            onClick={(event) => selection.onSelect(event.shiftKey)}
          />
          <Check aria-hidden="true" strokeWidth={3} />
        </label>
      )}
    </li>
  )
}

function TilePicture({ image }: { image: Image }) {
  if (image.state === "rejected") return <ImageOff aria-label="Rejected" strokeWidth={1.5} />
  if (image.state === "registered") return <Clock aria-label="Not checked yet" strokeWidth={1.5} />
  return <img src={thumbnail(image, THUMBNAIL_WIDTH)} alt="" loading="lazy" decoding="async" />
}

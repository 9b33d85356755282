import { type ImageDetail, type Label, thumbnail } from "@/api/images"
import type { Category } from "@/api/projects"
import styles from "./image-view.module.css"

const SHOWN_WIDTH = 1600

type PictureProps = {
  image: ImageDetail
  label: Label | undefined
  categories: readonly Category[]
  maskUrl: string | undefined
  opacity: number
}

/** The picture, the predicted mask over it, and a label's points on top. */
export function Picture({ image, label, categories, maskUrl, opacity }: PictureProps) {
  const [width, height] = [image.width ?? 4, image.height ?? 3]
  const radius = Math.max(width, height) / 110
  return (
    <div className={styles.frame} style={{ aspectRatio: `${width} / ${height}` }}>
      <img src={thumbnail(image, SHOWN_WIDTH)} alt={image.external_id} />
      {maskUrl && <img className={styles.mask} src={maskUrl} alt="" style={{ opacity }} />}
      {label && label.points.length > 0 && (
        <svg
          className={styles.points}
          viewBox={`0 0 ${width} ${height}`}
          role="img"
          aria-label={`${label.points.length} clicked points`}
        >
          {label.points.map((point) => (
            <circle
              key={`${point.category} ${point.x} ${point.y}`}
              cx={point.x}
              cy={point.y}
              r={radius}
              fill={categories.find(({ name }) => name === point.category)?.color ?? "#fff"}
              stroke="#fff"
              strokeWidth={radius / 3}
            >
              <title>{point.category}</title>
            </circle>
          ))}
        </svg>
      )}
    </div>
  )
}

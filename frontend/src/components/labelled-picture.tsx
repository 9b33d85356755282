import type { CSSProperties } from "react"
import { type Image, type Label, thumbnail } from "@/api/images"
import type { Category } from "@/api/projects"
import styles from "./labelled-picture.module.css"

const SHOWN_WIDTH = 1600

type Drawn = Pick<Label, "points" | "tiles">

type LabelledPictureProps = {
  image: Image
  /** Each with marks of another shape. */
  labels: readonly Drawn[]
  categories: readonly Category[]
  maskUrl?: string | undefined
  opacity?: number
}

/** The picture, the predicted mask over it, and what labels say of places in it on top. */
export function LabelledPicture(props: LabelledPictureProps) {
  const { image, labels, categories, maskUrl, opacity } = props
  const [width, height] = [image.width ?? 4, image.height ?? 3]
  const colorOf = (category: string) =>
    categories.find(({ name }) => name === category)?.color ?? "#fff"
  const points = labels.reduce((sum, label) => sum + label.points.length, 0)
  return (
    <div className={styles.frame} style={{ "--aspect": width / height } as CSSProperties}>
      <img src={thumbnail(image, SHOWN_WIDTH)} alt={image.external_id} />
      {maskUrl && <img className={styles.mask} src={maskUrl} alt="" style={{ opacity }} />}
      {labels.some(isDrawn) && (
        <svg
          className={styles.marks}
          viewBox={`0 0 ${width} ${height}`}
          role="img"
          aria-label={points > 0 ? `${points} clicked points` : "Marked tiles"}
        >
          {labels.map((label, index) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: the place is what the shape stands for
            <g key={index}>
              {label.tiles && <Tiles tiles={label.tiles} size={[width, height]} />}
              {label.points.map((point) => (
                <Point
                  key={`${point.category} ${point.x} ${point.y}`}
                  point={point}
                  color={colorOf(point.category)}
                  shape={index}
                  radius={Math.max(width, height) / 130}
                />
              ))}
            </g>
          ))}
        </svg>
      )}
    </div>
  )
}

const isDrawn = ({ points, tiles }: Drawn): boolean => points.length > 0 || tiles !== null

type PointProps = {
  point: Label["points"][number]
  color: string
  shape: number
  radius: number
}

/** A mark with its category's name beside it, since colours alone do not tell everybody. */
function Point({ point, color, shape, radius }: PointProps) {
  const { category, x, y } = point
  return (
    <g transform={`translate(${x} ${y})`}>
      <path d={outlineOf(shape, radius)} fill={color} stroke="#fff" strokeWidth={radius / 3} />
      <text
        className={styles.text}
        x={radius * 1.6}
        y={radius * 0.75}
        fontSize={radius * 2.4}
        strokeWidth={radius / 2}
      >
        {category}
      </text>
    </g>
  )
}

/** The mark of a label: a disc for the first one, a square for the second, a diamond for others. */
function outlineOf(shape: number, radius: number): string {
  const r = radius
  if (shape === 0) return `M${-r} 0 a${r} ${r} 0 1 0 ${2 * r} 0 a${r} ${r} 0 1 0 ${-2 * r} 0 Z`
  if (shape === 1) return `M${-r} ${-r} H${r} V${r} H${-r} Z`
  return `M0 ${-1.3 * r} L${1.3 * r} 0 L0 ${1.3 * r} L${-1.3 * r} 0 Z`
}

type TilesProps = { tiles: NonNullable<Label["tiles"]>; size: readonly [number, number] }

/** The grid, with the names of the categories that are in each tile. */
function Tiles({ tiles, size: [width, height] }: TilesProps) {
  const { rows, cols, present } = tiles
  const [tileWidth, tileHeight] = [width / cols, height / rows]
  const fontSize = Math.max(width, height) / 60
  const all = Array.from({ length: rows * cols }, (_, tile) => tile)
  return all.map((tile) => {
    const names = Object.keys(present).filter((name) => present[name]?.includes(tile))
    const [x, y] = [(tile % cols) * tileWidth, Math.floor(tile / cols) * tileHeight]
    return (
      <g key={tile} transform={`translate(${x} ${y})`}>
        <rect className={styles.tile} width={tileWidth} height={tileHeight} />
        {names.map((name, line) => (
          <text
            key={name}
            className={styles.text}
            x={fontSize / 2}
            y={fontSize * 1.25 * (line + 1)}
            fontSize={fontSize}
            strokeWidth={fontSize / 5}
          >
            {name}
          </text>
        ))}
      </g>
    )
  })
}

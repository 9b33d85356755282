import { type UseQueryResult, useQuery } from "@tanstack/react-query"
import { type Image, type Prediction, predictionQuery } from "@/api/images"
import type { Category } from "@/api/projects"
import { CategoryName } from "@/components/badge"
import { Card } from "@/components/layout"
import { Loaded } from "@/components/states"
import { formatPercent } from "@/lib/format"
import styles from "./image-view.module.css"

export const usePrediction = (image: Image) =>
  useQuery({ ...predictionQuery(image.id), enabled: image.state === "ready" })

type PredictionCardProps = {
  query: UseQueryResult<Prediction | null>
  categories: readonly Category[]
  opacity: number
  onOpacity: (opacity: number) => void
}

export function PredictionCard({ query, categories, opacity, onOpacity }: PredictionCardProps) {
  return (
    <Card title="Prediction">
      <Loaded query={query} height="8rem">
        {(prediction) =>
          prediction === null ? (
            <p className={styles.meta}>
              No finished run has predicted this image. Predictions come with the next run.
            </p>
          ) : (
            <>
              <OpacitySlider opacity={opacity} onOpacity={onOpacity} />
              <Presence prediction={prediction} categories={categories} />
              <p className={styles.meta}>
                Uncertainty {formatPercent(prediction.uncertainty)}, by run {prediction.run_id}
              </p>
            </>
          )
        }
      </Loaded>
    </Card>
  )
}

type OpacitySliderProps = { opacity: number; onOpacity: (opacity: number) => void }

function OpacitySlider({ opacity, onOpacity }: OpacitySliderProps) {
  return (
    <label className={styles.slider}>
      Mask
      <input
        type="range"
        min={0}
        max={100}
        step={5}
        value={Math.round(opacity * 100)}
        onChange={(event) => onOpacity(Number(event.target.value) / 100)}
        aria-label="Opacity of the predicted mask in percent"
      />
    </label>
  )
}

type PresenceProps = { prediction: Prediction; categories: readonly Category[] }

/** How likely each category is in the image, likeliest first. */
function Presence({ prediction, categories }: PresenceProps) {
  const likelihood = (category: Category) => prediction.presence[category.name] ?? 0
  const ranked = categories.toSorted((a, b) => likelihood(b) - likelihood(a))
  return (
    <dl className={styles.presence}>
      {ranked.map((category) => (
        <PresenceRow key={category.id} category={category} likelihood={likelihood(category)} />
      ))}
    </dl>
  )
}

function PresenceRow({ category, likelihood }: { category: Category; likelihood: number }) {
  return (
    <>
      <dt>
        <CategoryName name={category.name} color={category.color} />
      </dt>
      <dd className={styles.meter} aria-hidden="true">
        <span style={{ width: `${likelihood * 100}%`, background: category.color }} />
      </dd>
      <dd>{formatPercent(likelihood)}</dd>
    </>
  )
}

import { useMemo, useState } from "react"
import type { CostCurve } from "@/api/runs"
import { Card } from "@/components/layout"
import { Notice } from "@/components/notice"
import { Select } from "@/components/select"
import styles from "./accuracy.module.css"
import { CostChart } from "./cost-chart"
import { CostTable } from "./cost-table"
import { MEASURES, type Measure, measuresOf, plotted, sourceOnlyMiou } from "./measures"

const HEIGHT = 400

/** The chart that says what labelling bought, and its figures. */
export function AccuracyView({ curve }: { curve: CostCurve }) {
  const offered = measuresOf(curve.points)
  const [chosen, setChosen] = useState<Measure | null>(null)
  const measure = chosen ?? offered[0]?.value ?? "miou"
  const runs = useMemo(() => plotted(curve.points, measure), [curve, measure])
  const { label, description } = MEASURES.find(({ value }) => value === measure) ?? MEASURES[0]
  return (
    <>
      <Card
        title={`${label} by labelling time`}
        aside={
          offered.length > 1 && (
            <div className={styles.measure}>
              <Select
                label="Measure"
                options={offered.map(({ value, label: name }) => ({ value, label: name }))}
                value={measure}
                onChange={setChosen}
              />
            </div>
          )
        }
      >
        {runs.length > 0 ? (
          <CostChart
            runs={runs}
            measure={label}
            reference={measure === "miou" ? sourceOnlyMiou(curve.points) : null}
            height={HEIGHT}
          />
        ) : (
          <Notice tone="info">
            The finished runs were not measured. Choose a validation set in the settings, then start
            another run.
          </Notice>
        )}
        <p className={styles.description}>{description}</p>
      </Card>
      <CostTable projectId={curve.project_id} points={curve.points} />
      {curve.points.some(isWithoutBaseline) && (
        <p className={styles.description}>
          Where no gain stands, there is no finished source-only run of the same recipe and data to
          count it from.
        </p>
      )}
    </>
  )
}

const isWithoutBaseline = ({
  supervision,
  baseline_run_id,
}: CostCurve["points"][number]): boolean =>
  supervision !== "source-only" && baseline_run_id === null

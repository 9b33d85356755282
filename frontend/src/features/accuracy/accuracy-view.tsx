import { useNavigate } from "@tanstack/react-router"
import { useCallback, useMemo, useRef, useState } from "react"
import type { CostCurve } from "@/api/runs"
import { Button } from "@/components/button"
import { CheckField } from "@/components/choice-field"
import { Card } from "@/components/layout"
import { Notice } from "@/components/notice"
import { Select } from "@/components/select"
import { formatCount } from "@/lib/format"
import styles from "./accuracy.module.css"
import { CostTable } from "./cost-table"
import { CostChart } from "./costs"
import {
  AXES,
  type Axis,
  denseHours,
  isTime,
  type Measure,
  measuresOf,
  plotted,
  sourceOnlyMiou,
} from "./measures"
import { NextHour } from "./next-hour"
import { savePng, saveSvg } from "./save-drawing"

const HEIGHT = 400

/** The chart that says what labelling bought, what more of it would buy, and the figures. */
export function AccuracyView({ curve, mayTrace }: { curve: CostCurve; mayTrace: boolean }) {
  const offered = useMemo(() => measuresOf(curve.points), [curve])
  const [wanted, setWanted] = useState("")
  const measure = offered.find(({ value }) => value === wanted) ?? offered[0]
  return (
    <>
      {measure ? (
        <CurveCard curve={curve} offered={offered} measure={measure} onMeasure={setWanted} />
      ) : (
        <Notice tone="info">
          The finished runs were not measured. Choose a validation set in the settings, or label
          some more images so that some can be held out, then start another run.
        </Notice>
      )}
      <NextHour projectId={curve.project_id} />
      <CostTable
        projectId={curve.project_id}
        mayTrace={mayTrace}
        points={curve.points}
        kinds={curve.kinds}
      />
      {curve.points.some(isWithoutBaseline) && (
        <p className={styles.description}>
          Where no gain stands, there is no finished source-only run of the same recipe and data to
          count it from.
        </p>
      )}
    </>
  )
}

type CurveCardProps = {
  curve: CostCurve
  offered: readonly Measure[]
  measure: Measure
  onMeasure: (value: string) => void
}

function CurveCard({ curve, offered, measure, onMeasure }: CurveCardProps) {
  const navigate = useNavigate()
  const drawing = useRef<Element>(null)
  const [axis, setAxis] = useState<Axis>("active")
  const [withPublished, setWithPublished] = useState(false)
  const runs = useMemo(() => plotted(curve.points, measure, axis), [curve, measure, axis])
  const projectId = curve.project_id
  const open = useCallback(
    (runId: number) =>
      navigate({ to: "/projects/$projectId/runs/$runId", params: { projectId, runId } }),
    [navigate, projectId],
  )
  const isMiou = measure.value === "miou"
  return (
    <Card title={`${measure.label} by labelling`} aside={<SaveButtons drawing={drawing} />}>
      <div className={styles.choices}>
        <Select
          label="Measure"
          options={offered.map(({ value, label }) => ({ value, label }))}
          value={measure.value}
          onChange={onMeasure}
        />
        <Select label="Against" options={AXES} value={axis} onChange={setAxis} />
        {isTime(axis) && (
          <CheckField
            label="Published times"
            isSelected={withPublished}
            onChange={setWithPublished}
          />
        )}
      </div>
      <CostChart
        runs={runs}
        measure={measure.label}
        axis={axis}
        reference={isMiou ? sourceOnlyMiou(curve.points) : null}
        withPublished={withPublished && isTime(axis)}
        height={HEIGHT}
        onPick={open}
        drawing={drawing}
      />
      <p className={styles.description}>
        {measure.description} Bars are intervals of 80 % over the images that a run was scored on; a
        click opens the run.
        {withPublished && isTime(axis) && <PublishedTimes curve={curve} />}
      </p>
    </Card>
  )
}

const PublishedTimes = ({ curve }: { curve: CostCurve }) => (
  <>
    {" "}
    Hollow marks are where runs would be if an image took 30 s for tags and 45 s for points, as is
    published. Masks, at 90 min an image, would have taken{" "}
    {formatCount(Math.round(denseHours(curve.points)))} h for as many images.
  </>
)

function SaveButtons({ drawing }: { drawing: React.RefObject<Element | null> }) {
  const save = (by: (drawn: Element, name: string) => void) => () => {
    if (drawing.current) by(drawing.current, "cost-curve")
  }
  return (
    <div className={styles.save}>
      <Button variant="quiet" onClick={save(saveSvg)}>
        Save SVG
      </Button>
      <Button variant="quiet" onClick={save(savePng)}>
        Save PNG
      </Button>
    </div>
  )
}

const isWithoutBaseline = ({
  supervision,
  baseline_run_id,
}: CostCurve["points"][number]): boolean =>
  supervision !== "source-only" && baseline_run_id === null

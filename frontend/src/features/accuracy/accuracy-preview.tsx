import { useQuery } from "@tanstack/react-query"
import { useMemo } from "react"
import { type CostCurve, costCurveQuery } from "@/api/runs"
import { LinkButton } from "@/components/button"
import { Card } from "@/components/layout"
import { Loaded } from "@/components/states"
import { CostChart } from "./costs"
import { measuresOf, plotted, sourceOnlyMiou } from "./measures"

const HEIGHT = 230

/** The cost curve in small. */
export function AccuracyPreview({ projectId }: { projectId: number }) {
  const query = useQuery(costCurveQuery(projectId))
  return (
    <Card
      title="Accuracy by labelling time"
      aside={
        <LinkButton to="/projects/$projectId/accuracy" params={{ projectId }} variant="quiet">
          Details
        </LinkButton>
      }
    >
      <Loaded query={query} height={`${HEIGHT}px`}>
        {(curve) => <Preview curve={curve} />}
      </Loaded>
    </Card>
  )
}

function Preview({ curve }: { curve: CostCurve }) {
  const runs = useMemo(() => {
    const miou = measuresOf(curve.points).find(({ value }) => value === "miou")
    return miou ? plotted(curve.points, miou) : []
  }, [curve])
  if (runs.length === 0) {
    return <p>Each finished run with a validation set adds a point here.</p>
  }
  return (
    <CostChart
      runs={runs}
      measure="mIoU"
      reference={sourceOnlyMiou(curve.points)}
      height={HEIGHT}
    />
  )
}

import { queryOptions } from "@tanstack/react-query"
import { client, type Schemas, unwrap } from "./client"

export type Run = Schemas["RunOut"]
export type RunDetail = Schemas["RunDetail"]
export type RunIn = Schemas["RunIn"]
export type RunState = Run["state"]
export type MetricPoint = Schemas["MetricPoint"]
export type Checkpoint = Schemas["CheckpointOut"]
export type Snapshot = Schemas["SnapshotOut"]
export type CostCurve = Schemas["CostCurve"]
export type CostPoint = Schemas["CostPoint"]

const FINAL: readonly RunState[] = ["succeeded", "failed", "cancelled"]
const POLL_MS = 5000
const METRICS_PAGE = 1000

const inProject = (id: number) => ({ params: { path: { project_id: id } } })
const ofRun = (id: number) => ({ params: { path: { run_id: id } } })

export const isFinal = (run: { state: RunState }): boolean => FINAL.includes(run.state)

export const runsQuery = (projectId: number) =>
  queryOptions({
    queryKey: ["projects", projectId, "runs"],
    queryFn: () => unwrap(client.GET("/api/v1/projects/{project_id}/runs", inProject(projectId))),
    refetchInterval: ({ state }) => (state.data?.every(isFinal) === false ? POLL_MS : false),
  })

export const runQuery = (id: number) =>
  queryOptions({
    queryKey: ["runs", id],
    queryFn: () => unwrap(client.GET("/api/v1/runs/{run_id}", ofRun(id))),
    refetchInterval: ({ state }) => (state.data && !isFinal(state.data) ? POLL_MS : false),
  })

/** Everything a run has reported so far, oldest first. */
export const metricsQuery = (runId: number) =>
  queryOptions({
    queryKey: ["runs", runId, "metrics"],
    queryFn: () => collectMetrics(runId),
    // Kept up to date by the run's events for as long as somebody looks, then forgotten.
    staleTime: Number.POSITIVE_INFINITY,
    gcTime: 0,
  })

async function collectMetrics(runId: number): Promise<MetricPoint[]> {
  const collected: MetricPoint[] = []
  for (;;) {
    const page = await unwrap(
      client.GET("/api/v1/runs/{run_id}/metrics", {
        params: {
          path: { run_id: runId },
          query: { after: collected.at(-1)?.id ?? 0, limit: METRICS_PAGE },
        },
      }),
    )
    collected.push(...page)
    if (page.length < METRICS_PAGE) return collected
  }
}

export const eventsUrl = (runId: number): string => `/api/v1/runs/${runId}/events`

export const checkpointsQuery = (runId: number) =>
  queryOptions({
    queryKey: ["runs", runId, "checkpoints"],
    queryFn: () => unwrap(client.GET("/api/v1/runs/{run_id}/checkpoints", ofRun(runId))),
  })

export const costCurveQuery = (projectId: number) =>
  queryOptions({
    queryKey: ["projects", projectId, "cost-curve"],
    queryFn: () => getCostCurve(projectId),
  })

async function getCostCurve(projectId: number): Promise<CostCurve> {
  const curve = await unwrap(
    client.GET("/api/v1/projects/{project_id}/cost-curve", inProject(projectId)),
  )
  if (typeof curve === "string") throw new TypeError("CSV was not asked for")
  return curve
}

export const costCurveCsvUrl = (projectId: number): string =>
  `/api/v1/projects/${projectId}/cost-curve?format=csv`

export const startRun = (projectId: number, body: RunIn) =>
  unwrap(client.POST("/api/v1/projects/{project_id}/runs", { ...inProject(projectId), body }))

export const cancelRun = (id: number) =>
  unwrap(client.POST("/api/v1/runs/{run_id}/cancel", ofRun(id)))

export const resumeRun = (id: number) =>
  unwrap(client.POST("/api/v1/runs/{run_id}/resume", ofRun(id)))

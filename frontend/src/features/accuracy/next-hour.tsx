import { useQuery } from "@tanstack/react-query"
import { Link } from "@tanstack/react-router"
import { type Forecast, forecastQuery, type KindForecast } from "@/api/forecast"
import { Card } from "@/components/layout"
import { Notice } from "@/components/notice"
import { Loaded } from "@/components/states"
import { type Column, Table } from "@/components/table"
import { formatHours, formatPercent, formatPlural } from "@/lib/format"
import styles from "./accuracy.module.css"
import {
  inPoints,
  judgedSentence,
  nameOf,
  rangeInPoints,
  sentenceOf,
  stopSentence,
} from "./forecasts"

/** What another hour of labelling is expected to bring, and what earlier forecasts were worth. */
export function NextHour({ projectId }: { projectId: number }) {
  const query = useQuery(forecastQuery(projectId))
  return (
    <Card title="The next hour">
      <Loaded query={query} height="6rem">
        {(forecast) => <Told forecast={forecast} />}
      </Loaded>
    </Card>
  )
}

function Told({ forecast }: { forecast: Forecast }) {
  const stop = stopSentence(forecast)
  const known = forecast.kinds.filter(({ gain }) => gain)
  return (
    <div className={styles.told}>
      {stop && <Notice tone={forecast.stop.answer === "stop" ? "good" : "info"}>{stop}</Notice>}
      {forecast.kinds.length === 0 ? (
        <p>Not enough runs yet: the first with labels of which the time is known begins a curve.</p>
      ) : (
        <ul className={styles.sentences}>
          {forecast.kinds.map((each) => (
            <li key={`${each.kind} ${each.supervision}`}>{sentenceOf(each, forecast)}</li>
          ))}
        </ul>
      )}
      {known.some(({ categories }) => categories.length > 0) && (
        <CategoryGains kinds={known} all={forecast.kinds} />
      )}
      <Judged projectId={forecast.project_id} kinds={known} all={forecast.kinds} />
      {forecast.ranking && <Ranking ranking={forecast.ranking} />}
      {known.length > 0 && (
        <p className={styles.description}>
          In brackets are intervals of 80 %. Only runs of the newest one's recipe and data count, by
          the kind of label that most of their time went into.
        </p>
      )}
    </div>
  )
}

type Kinds = { kinds: readonly KindForecast[]; all: readonly KindForecast[] }

function CategoryGains({ kinds, all }: Kinds) {
  const names = new Set(kinds.flatMap(({ categories }) => categories.map((c) => c.category)))
  const columns: Column<string>[] = [
    { key: "category", title: "Category", cell: (name) => name },
    ...kinds.map((each) => ({
      key: `${each.kind} ${each.supervision}`,
      title: `An hour of ${nameOf(each, all)}`,
      kind: "number" as const,
      cell: (name: string) => {
        const found = each.categories.find(({ category }) => category === name)
        return found ? `${inPoints(found.gain.estimate)} (${rangeInPoints(found.gain)})` : "–"
      },
    })),
  ]
  return (
    <details>
      <summary>Which categories it pays for, in points of IoU</summary>
      <Table
        label="Expected gain by category"
        columns={columns}
        rows={[...names]}
        keyOf={(name) => name}
        bare
      />
    </details>
  )
}

type JudgedRow = KindForecast["judged"][number] & { name: string }

function Judged({ projectId, kinds, all }: Kinds & { projectId: number }) {
  const sentence = judgedSentence(kinds)
  if (!sentence) return null
  const rows = kinds.flatMap((each) =>
    each.judged.map((judged) => ({ ...judged, name: nameOf(each, all) })),
  )
  const columns: Column<JudgedRow>[] = [
    {
      key: "run",
      title: "Run",
      cell: ({ run_id }) => (
        <Link
          to="/projects/$projectId/runs/$runId"
          params={{ projectId, runId: run_id }}
          className={styles.link}
        >
          Run {run_id}
        </Link>
      ),
    },
    { key: "kind", title: "Labels", cell: ({ name }) => name },
    { key: "hours", title: "Active time", kind: "number", cell: (row) => formatHours(row.hours) },
    {
      key: "forecast",
      title: "Foretold",
      kind: "number",
      cell: ({ forecast }) => `${formatPercent(forecast.low)} to ${formatPercent(forecast.high)}`,
    },
    { key: "came", title: "Came", kind: "number", cell: ({ came }) => formatPercent(came) },
    { key: "inside", title: "Within", cell: ({ inside }) => (inside ? "yes" : "no") },
  ]
  return (
    <details>
      <summary>{sentence}</summary>
      <Table
        label="Earlier forecasts and what came"
        columns={columns}
        rows={rows}
        keyOf={({ run_id, name }) => `${run_id} ${name}`}
        bare
      />
    </details>
  )
}

const Ranking = ({ ranking }: { ranking: NonNullable<Forecast["ranking"]> }) => (
  <p>
    {ranking.correlation
      ? `The weak-label score ranks ${formatPlural(ranking.runs, "run")} as their masks do with a Spearman correlation of ${ranking.correlation.estimate.toFixed(2)} (${ranking.correlation.low.toFixed(2)} to ${ranking.correlation.high.toFixed(2)}).`
      : `How well the weak-label score ranks runs shows from five different ones with masks on; there are ${ranking.runs}.`}
  </p>
)

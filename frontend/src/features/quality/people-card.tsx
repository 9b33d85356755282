import { useQuery } from "@tanstack/react-query"
import { Link } from "@tanstack/react-router"
import { Download } from "lucide-react"
import { useState } from "react"
import { type Pace, type People, peopleCsvUrl, peopleQuery, trailsUrl } from "@/api/people"
import { AnchorButton } from "@/components/button"
import { CheckField } from "@/components/choice-field"
import { Card } from "@/components/layout"
import { Select } from "@/components/select"
import { Loaded } from "@/components/states"
import { type Column, Table } from "@/components/table"
import { formatCount, formatPercent, formatPlural } from "@/lib/format"
import { DIMENSIONS, formatSeconds, pacesBy, personOf, placeOf } from "./paces"
import styles from "./people.module.css"

/** Seconds per image and per answer, by person and by what they did. */
export function PeopleCard({ projectId }: { projectId: number }) {
  const query = useQuery(peopleQuery(projectId))
  return (
    <Card title="Time by person">
      <Loaded query={query} height="8rem">
        {(people) => <Paces people={people} />}
      </Loaded>
    </Card>
  )
}

function Paces({ people }: { people: People }) {
  const [by, setBy] = useState<Pace["by"]>("all")
  const [person, setPerson] = useState("")
  const [pseudonyms, setPseudonyms] = useState(false)
  const everyone = pacesBy(people.paces, "all", "")
  const persons = everyone.map((pace) => ({
    value: pace.annotator ?? "",
    label: personOf(pace, pseudonyms),
  }))
  if (everyone.length === 0) {
    return <p>Times stand here once somebody has labelled. {untimedOf(people)}</p>
  }
  return (
    <div className={styles.people}>
      <div className={styles.choices}>
        <Select label="By" options={DIMENSIONS} value={by} onChange={setBy} />
        {by !== "all" && (
          <Select label="Of" options={persons} value={person} onChange={setPerson} />
        )}
        <CheckField label="Pseudonyms" isSelected={pseudonyms} onChange={setPseudonyms} />
      </div>
      <Table
        label="Seconds per image and per answer"
        columns={columnsOf(people.project_id, by, pseudonyms)}
        rows={pacesBy(people.paces, by, person)}
        keyOf={({ annotator, value }) => `${annotator} ${value}`}
        bare
      />
      <p className={styles.note}>
        Active time of each saved answer, corrections too; skips are left out. {untimedOf(people)}
      </p>
      <div className={styles.files}>
        <AnchorButton href={peopleCsvUrl(people.project_id, pseudonyms)} variant="quiet" download>
          <Download aria-hidden="true" />
          CSV
        </AnchorButton>
        <AnchorButton href={trailsUrl(people.project_id)} variant="quiet" download>
          <Download aria-hidden="true" />
          Raw event trails
        </AnchorButton>
      </div>
    </div>
  )
}

const untimedOf = ({ untimed }: People): string =>
  untimed === 0
    ? ""
    : `${formatPlural(untimed, "label")} without a time, such as imported ones, are not among them.`

function columnsOf(projectId: number, by: Pace["by"], pseudonyms: boolean): Column<Pace>[] {
  const title = DIMENSIONS.find(({ value }) => value === by)?.label ?? ""
  const head: Column<Pace> = {
    key: "of",
    title,
    cell: (pace) => (
      <Link
        to="/projects/$projectId/times"
        params={{ projectId }}
        search={{
          ...(pace.annotator !== null && { annotator: pace.annotator }),
          ...(by !== "all" && { by, value: pace.value }),
        }}
        className={styles.link}
        title="The labels that are counted here"
      >
        {by === "all" ? personOf(pace, pseudonyms) : placeOf(pace)}
      </Link>
    ),
  }
  const right = number("right", "Known answers found", ({ right: rate }) =>
    rate && rate.share !== null ? `${formatPercent(rate.share)} of ${rate.of}` : "–",
  )
  return [
    head,
    number("images", "Images", ({ images }) => formatCount(images)),
    number("median", "Median", ({ per_image }) => formatSeconds(per_image.median)),
    number("mean", "Mean", ({ per_image }) => formatSeconds(per_image.mean)),
    number("p90", "90 %", ({ per_image }) => formatSeconds(per_image.p90)),
    number("answer", "Per answer", ({ per_answer }) => formatSeconds(per_answer?.median)),
    ...(by === "all" ? [right] : []),
  ]
}

function number(key: string, title: string, cell: (pace: Pace) => string): Column<Pace> {
  return { key, title, cell, kind: "number" }
}

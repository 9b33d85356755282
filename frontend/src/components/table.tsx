import type { ReactNode } from "react"
import { classNames } from "./class-names"
import styles from "./table.module.css"

export type Column<Row> = {
  key: string
  title: string
  cell: (row: Row) => ReactNode
  /** Numbers line up on the right; long words may wrap. */
  kind?: "text" | "number" | "long"
  /** Hidden from sight, not from screen readers: for columns of buttons. */
  quietTitle?: boolean
  /** Left out where there is little room. */
  isMinor?: boolean
}

type TableProps<Row> = {
  label: string
  columns: readonly Column<Row>[]
  rows: readonly Row[]
  keyOf: (row: Row) => string | number
  /** Without a frame of its own, for a table that fills a card. */
  bare?: boolean
  /** On a narrow screen each row is a card, in place of a table that scrolls. */
  stacks?: boolean
  /** What stands there without a row: what will be here, and how to begin. */
  empty?: ReactNode
}

/** A plain table; its first column heads each row. Wide ones scroll sideways within their frame. */
export function Table<Row>(props: TableProps<Row>) {
  const { label, columns, rows, keyOf, bare = false, stacks = false } = props
  if (rows.length === 0) {
    return <p className={styles.nothing}>{props.empty ?? "Nothing is here yet."}</p>
  }
  return (
    <section
      className={classNames(styles.scroll, !bare && styles.frame, stacks && styles.stacks)}
      aria-label={label}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard
      tabIndex={0}
    >
      <table className={styles.table}>
        <thead>
          <tr>
            {columns.map((column) => (
              <th key={column.key} scope="col" {...marksOf(column)}>
                {column.quietTitle ? <span className="quiet">{column.title}</span> : column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              {columns.map((column, index) => (
                <Cell key={column.key} column={column} row={row} isHead={index === 0} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  )
}

const marksOf = <Row,>({ title, quietTitle, kind, isMinor }: Column<Row>) => ({
  "data-title": quietTitle ? undefined : title,
  "data-number": kind === "number" || undefined,
  "data-wrap": kind === "long" || undefined,
  "data-minor": isMinor || undefined,
})

type CellProps<Row> = { column: Column<Row>; row: Row; isHead: boolean }

function Cell<Row>({ column, row, isHead }: CellProps<Row>) {
  if (isHead) {
    return (
      <th scope="row" {...marksOf(column)}>
        {column.cell(row)}
      </th>
    )
  }
  return <td {...marksOf(column)}>{column.cell(row)}</td>
}

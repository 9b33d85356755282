import { lexer, type Token, type Tokens } from "marked"
import { createElement, Fragment, type ReactNode } from "react"
import styles from "./markdown.module.css"

type MarkdownProps = {
  text: string
  /** What a title of the first level is, 1 to 6. */
  top: number
}

/** Markdown as elements. HTML in it is text, pictures are their descriptions, links lead to the web. */
export function Markdown({ text, top }: MarkdownProps) {
  return <div className={styles.text}>{elements(lexer(text), top)}</div>
}

const elements = (tokens: readonly Token[] | undefined, top: number): ReactNode =>
  createElement(Fragment, null, ...(tokens ?? []).map((token) => element(token, top)))

const SAME: Record<string, string> = {
  paragraph: "p",
  blockquote: "blockquote",
  strong: "strong",
  em: "em",
  del: "del",
}

function element(token: Token, top: number): ReactNode {
  const tag = SAME[token.type]
  if (tag) return createElement(tag, null, within(token, top))
  switch (token.type) {
    case "heading":
      return createElement(`h${Math.min(6, token.depth + top - 1)}`, null, within(token, top))
    case "list":
      return list(token as Tokens.List, top)
    case "table":
      return table(token as Tokens.Table, top)
    case "link":
      return link(token as Tokens.Link, top)
    case "code":
      return <pre>{token.text}</pre>
    case "codespan":
      return <code>{token.text}</code>
    case "hr":
      return <hr />
    case "br":
      return <br />
    case "html":
      return token.block ? <p>{token.raw}</p> : token.raw
    case "text":
    case "escape":
      return "tokens" in token ? within(token, top) : token.text
    case "image":
      return token.text
    default:
      return null
  }
}

const within = (token: Token, top: number): ReactNode =>
  elements("tokens" in token ? token.tokens : [], top)

function list({ ordered, start, items }: Tokens.List, top: number): ReactNode {
  const lines = items.map((item) => createElement("li", null, elements(item.tokens, top)))
  return createElement(ordered ? "ol" : "ul", start ? { start } : null, ...lines)
}

function table({ header, rows }: Tokens.Table, top: number): ReactNode {
  const row = (cells: readonly Tokens.TableCell[], tag: "th" | "td") =>
    createElement(
      "tr",
      null,
      ...cells.map((cell) => createElement(tag, null, elements(cell.tokens, top))),
    )
  return (
    <div className={styles.scroll}>
      <table>
        <thead>{row(header, "th")}</thead>
        {createElement("tbody", null, ...rows.map((cells) => row(cells, "td")))}
      </table>
    </div>
  )
}

function link(token: Tokens.Link, top: number): ReactNode {
  if (!/^(https?:|mailto:)/i.test(token.href)) return within(token, top)
  return (
    <a href={token.href} target="_blank" rel="noreferrer">
      {within(token, top)}
    </a>
  )
}

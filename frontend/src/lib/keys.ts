type Pressed = Pick<
  KeyboardEvent,
  | "key"
  | "code"
  | "shiftKey"
  | "ctrlKey"
  | "metaKey"
  | "altKey"
  | "getModifierState"
  | "isComposing"
  | "keyCode"
>

/** A small letter or a digit of any script, whose capital leads back to it: that of ß does not. */
export const isCategoryKey = (key: string): boolean =>
  /^[\p{L}\p{Nd}]$/u.test(key) && key.toUpperCase().toLowerCase() === key

/** A key however it was typed. Turkish has an i with and one without a dot: both are the i here. */
export const folded = (key: string): string =>
  key
    .normalize("NFC")
    .toLowerCase()
    .replace(/^(i\u0307|ı)$/, "i")

/** An input method puts characters together with this key, also with the one that ends it. */
export const isComposition = ({ isComposing, keyCode, key }: Partial<Pressed>): boolean =>
  isComposing === true || keyCode === 229 || key === "Process"

/**
 * What a key may be called in a table of keys, the surest name first; nothing for what belongs to
 * the browser or an input method.
 *
 * That is the character; on a keyboard that cannot write it, the one in the same place of a US
 * keyboard: `c` for the Cyrillic с, `1` for the & of a French one. Letters and digits are called
 * `Shift+c` with Shift, signs are what Shift makes of them.
 */
export function chordsOf(event: Pressed): string[] {
  const isAltGraph = event.getModifierState("AltGraph")
  if (isComposition(event) || (event.altKey && !isAltGraph)) return []
  const control = (event.ctrlKey || event.metaKey) && !isAltGraph ? "Ctrl+" : ""
  return namesOf(event, isAltGraph ? "" : usKey(event)).map((name) => control + name)
}

/** Enter, ArrowLeft and others that no layout changes. */
const NAMED = /^(?!Dead$|Unidentified$)[A-Z][A-Za-z\d]+$/
const LETTER = /^\p{L}$/u
const LATIN = /^[a-z\u00df-\u024f\u1e00-\u1eff]$/

function namesOf(event: Pressed, us: string): string[] {
  const { key, code, shiftKey } = event
  if (key === " " || code === "Space") return ["Space"]
  if (NAMED.test(key)) return [key]
  const sign = [...key].length > 2 ? "" : folded(key)
  const isLetter = LETTER.test(sign)
  // With Shift a Hebrew keyboard writes Latin capitals.
  if (isLetter && sign === key && !shiftKey) writesLatin = LATIN.test(sign)
  const typed = shiftKey && isLetter ? `Shift+${sign}` : sign
  const names = { typed: [typed], "typed first": [typed, us], "us first": [us, typed] }
  return names[orderOf(sign, event)].filter(Boolean)
}

/** Whether the last letter was Latin; null before the first. */
let writesLatin: boolean | null = null

type Order = "typed" | "typed first" | "us first"

/** A sign of ours in another place is that sign, as far as the keyboard has the key's own besides. */
function orderOf(sign: string, { code, shiftKey }: Pressed): Order {
  const isLetterKey = code.startsWith("Key")
  if (/^[a-z\d]$/.test(sign) || (isLetterKey && LATIN.test(sign))) return "typed"
  if (!/^[!-~]$/.test(sign)) return "typed first"
  if (isLetterKey) return signOnLetterKey()
  if (!code.startsWith("Digit")) return "typed"
  return shiftKey ? "typed first" : "us first"
}

/** Dvorak has a full stop where others have E, and an E besides; a Greek ; is on the only Q. */
function signOnLetterKey(): Order {
  if (writesLatin === null) return "typed first"
  return writesLatin ? "typed" : "us first"
}

/** The signs that keys mean, with those that Shift makes of them. */
const US_SIGNS: Record<string, string> = {
  Semicolon: ";:",
  Comma: ",<",
  Period: ".>",
  Slash: "/?",
  BracketLeft: "[{",
  BracketRight: "]}",
  Backslash: "\\|",
  Minus: "-_",
  Equal: "=+",
}

/** What a US keyboard has in the place of this key; empty for keys that no layout changes. */
function usKey({ code, shiftKey }: Pressed): string {
  const letter = /^(?:Key|Digit|Numpad)(.)$/.exec(code)?.[1]?.toLowerCase()
  if (letter) return shiftKey ? `Shift+${letter}` : letter
  return US_SIGNS[code]?.[Number(shiftKey)] ?? ""
}

const CAPS: Record<string, string> = {
  ArrowLeft: "←",
  ArrowRight: "→",
  ArrowUp: "↑",
  ArrowDown: "↓",
  Backspace: "⌫",
  Delete: "Del",
  PageUp: "Page ↑",
  PageDown: "Page ↓",
  Escape: "Esc",
  Enter: "Enter",
  "-": "−",
}

/** A chord as it is drawn on a key cap. */
export function capOf(chord: string): string {
  return chord
    .split(/(?<=.)\+(?=.)/)
    .map((part) => CAPS[part] ?? (isCategoryKey(part) ? part.toUpperCase() : part))
    .join(" + ")
}

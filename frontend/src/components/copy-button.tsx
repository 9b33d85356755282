import { Check, Copy } from "lucide-react"
import { type ReactNode, useState } from "react"
import { Button } from "./button"

const SHOWN_MS = 2000

type CopyButtonProps = { text: string; label: string; children?: ReactNode }

/** Puts the text on the clipboard; with no children it is an icon alone. */
export function CopyButton({ text, label, children }: CopyButtonProps) {
  const [isCopied, setCopied] = useState(false)
  const copy = async () => {
    await navigator.clipboard.writeText(text)
    setCopied(true)
    setTimeout(() => setCopied(false), SHOWN_MS)
  }
  return (
    <Button
      variant={children ? "secondary" : "quiet"}
      size={children ? "default" : "icon"}
      aria-label={isCopied ? "Copied" : label}
      onClick={copy}
    >
      {isCopied ? <Check /> : <Copy />}
      {children}
    </Button>
  )
}

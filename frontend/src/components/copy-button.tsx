import { Check, Copy } from "lucide-react"
import { useState } from "react"
import { Button } from "./button"

const SHOWN_MS = 2000

type CopyButtonProps = { text: string; label: string; isIcon?: boolean }

/** Puts the text on the clipboard; it is an icon alone unless told otherwise. */
export function CopyButton({ text, label, isIcon = true }: CopyButtonProps) {
  const [isCopied, setCopied] = useState(false)
  const copy = async () => {
    await navigator.clipboard.writeText(text)
    setCopied(true)
    setTimeout(() => setCopied(false), SHOWN_MS)
  }
  const said = isCopied ? "Copied" : label
  return (
    <Button
      variant={isIcon ? "quiet" : "secondary"}
      size={isIcon ? "icon" : "default"}
      aria-label={isIcon ? said : undefined}
      onClick={copy}
    >
      {isCopied ? <Check /> : <Copy />}
      {!isIcon && said}
    </Button>
  )
}

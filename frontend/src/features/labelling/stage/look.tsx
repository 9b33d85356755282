/** How the image is shown: factors of 1 leave it as it is. */
export type Look = { brightness: number; contrast: number; gamma: number }

export const PLAIN: Look = { brightness: 1, contrast: 1, gamma: 1 }
export const LIMITS = { brightness: [0.4, 2.5], contrast: [0.4, 2.5], gamma: [0.4, 2.5] } as const

const GAMMA_ID = "weakseg-gamma"

/** One property changed by a factor, within what can still be made out. */
export function changedLook(look: Look, property: keyof Look, value: number): Look {
  const [least, most] = LIMITS[property]
  const kept = Math.min(most, Math.max(least, Math.round(value * 100) / 100))
  return { ...look, [property]: kept }
}

/** As a CSS filter, which the browser applies to the image's own canvas alone. */
export function filterOf({ brightness, contrast, gamma }: Look): string {
  const parts = [
    brightness !== 1 && `brightness(${brightness})`,
    contrast !== 1 && `contrast(${contrast})`,
    gamma !== 1 && `url(#${GAMMA_ID})`,
  ].filter((part) => part !== false)
  return parts.join(" ") || "none"
}

/** CSS has no gamma of its own. More than 1 lightens the shadows. */
export function GammaFilter({ gamma }: { gamma: number }) {
  const exponent = 1 / gamma
  return (
    <svg width="0" height="0" aria-hidden="true" style={{ position: "absolute" }}>
      <filter id={GAMMA_ID} colorInterpolationFilters="sRGB">
        <feComponentTransfer>
          <feFuncR type="gamma" exponent={exponent} />
          <feFuncG type="gamma" exponent={exponent} />
          <feFuncB type="gamma" exponent={exponent} />
        </feComponentTransfer>
      </filter>
    </svg>
  )
}

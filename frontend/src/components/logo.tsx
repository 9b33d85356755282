/** The mark: a street that runs to the horizon, and one clicked point. */
export function Logo({ size = 28 }: { size?: number }) {
  return (
    <svg viewBox="0 0 32 32" width={size} height={size} aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="#3b55e6" />
      <path d="M6 25 13 8h6l7 17z" fill="#fff" opacity=".28" />
      <path
        d="M16 9v3.2M16 15v3.6M16 21.4V25"
        stroke="#fff"
        strokeWidth="2.2"
        strokeLinecap="round"
      />
      <circle cx="22.5" cy="11" r="3.6" fill="#ffd166" />
    </svg>
  )
}

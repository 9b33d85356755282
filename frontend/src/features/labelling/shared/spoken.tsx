/** Two regions in turn: a message with the same words as the last is still read out. */
export function Spoken({ message }: { message: { text: string; number: number } }) {
  return [0, 1].map((turn) => (
    <p key={turn} className="quiet" aria-live="polite">
      {message.number % 2 === turn && message.text}
    </p>
  ))
}

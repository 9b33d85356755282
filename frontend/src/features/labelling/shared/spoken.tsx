/** Two regions in turn: a message with the same words as the last is still read out. */
export function Spoken({ said }: { said: { text: string; number: number } }) {
  return [0, 1].map((turn) => (
    <p key={turn} className="quiet" aria-live="polite">
      {said.number % 2 === turn && said.text}
    </p>
  ))
}

/** Runs once what the document shows now is on the screen; returns how to call it off. */
export function afterPaint(run: () => void): () => void {
  const painted = new MessageChannel()
  painted.port1.onmessage = run
  // What follows a frame's callbacks is its painting, and then the next message.
  const frame = requestAnimationFrame(() => painted.port2.postMessage(null))
  return () => {
    cancelAnimationFrame(frame)
    painted.port1.close()
  }
}

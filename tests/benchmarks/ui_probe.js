// Runs before the page's own scripts and looks at the page once a frame. In a frame that begins with
// an image's name and its canvas in the document the page paints it; on the screen it is at the
// latest when the next frame begins.
;(() => {
  const shown = () => {
    if (!document.querySelector('[role="application"] canvas')) return null
    const names = [...document.querySelectorAll("header span")].map((each) => each.textContent)
    return names.find((name) => /\.(jpe?g|png|webp)$/i.test(name)) ?? null
  }
  const first = Promise.withResolvers()
  /**
   * Milliseconds. `first`: till the first image is on the screen at the latest. `next`: from Enter
   * till the page has painted the next image, and till it is on the screen at the latest.
   */
  const probe = { first: first.promise, next: null, frames: null }
  globalThis.probe = probe
  let submit = null
  let before = null
  // A message that is posted in a frame's callbacks comes after its painting.
  const afterPaint = new MessageChannel()
  afterPaint.port1.onmessage = () => {
    if (submit) submit.painted ??= performance.now() - submit.at
  }

  const press = (event) => {
    if (event.key !== "Enter") return
    submit = { name: shown(), at: event.timeStamp, ...Promise.withResolvers() }
    probe.next = submit.promise
  }
  addEventListener("keydown", press, true)

  const look = (frame) => {
    if (before !== null) first.resolve(performance.now())
    if (before !== null && submit && before !== submit.name) {
      const seen = performance.now() - submit.at
      submit.resolve({ painted: submit.painted ?? seen, seen })
      submit = null
    }
    before = shown()
    if (before !== null && submit && before !== submit.name) afterPaint.port2.postMessage(null)
    probe.frames?.push(frame)
    requestAnimationFrame(look)
  }
  requestAnimationFrame(look)
})()

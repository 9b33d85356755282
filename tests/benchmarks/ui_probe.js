// Runs before the page's own scripts and looks at the page once a frame. An image counts as painted
// when, after a frame that began with its name and its canvas in the document, the next one begins.
;(() => {
  const shown = () => {
    if (!document.querySelector('[role="application"] canvas')) return null
    const names = [...document.querySelectorAll("header span")].map((each) => each.textContent)
    return names.find((name) => /\.(jpe?g|png|webp)$/i.test(name)) ?? null
  }
  const first = Promise.withResolvers()
  /** `first`, `next`: milliseconds till the first image, and from Enter to the one after it. */
  const probe = { first: first.promise, next: null, frames: null }
  globalThis.probe = probe
  let submit = null
  let before = null

  const press = (event) => {
    if (event.key !== "Enter") return
    submit = { name: shown(), at: event.timeStamp, ...Promise.withResolvers() }
    probe.next = submit.promise
  }
  addEventListener("keydown", press, true)

  const look = (frame) => {
    if (before !== null) first.resolve(performance.now())
    if (before !== null && submit && before !== submit.name) {
      submit.resolve(performance.now() - submit.at)
      submit = null
    }
    before = shown()
    probe.frames?.push(frame)
    requestAnimationFrame(look)
  }
  requestAnimationFrame(look)
})()

// copy puts text into the clipboard. Pages that are not loopback or HTTPS have
// no clipboard API; there a text field that is selected does it.
export async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text)
    return
  } catch {
    const area = document.createElement('textarea')
    area.value = text
    area.setAttribute('aria-hidden', 'true')
    area.className = 'offscreen'
    const last = document.activeElement as HTMLElement | null
    document.body.append(area)
    area.select()
    const done = document.execCommand('copy')
    area.remove()
    last?.focus()
    if (!done) throw new Error('the browser does not let this page use the clipboard')
  }
}

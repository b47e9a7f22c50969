// What this browser keeps between visits. A browser that keeps nothing is fine.

export function load<T>(key: string, usual: T): T {
  try {
    const text = localStorage.getItem('midstream.' + key)
    return text === null ? usual : (JSON.parse(text) as T)
  } catch {
    return usual
  }
}

export function keep(key: string, value: unknown) {
  try {
    localStorage.setItem('midstream.' + key, JSON.stringify(value))
  } catch {
    // Private windows may refuse; the choice then lasts as long as the page.
  }
}

// visited says whether this window has shown the page before.
export function visited(): boolean {
  try {
    const was = sessionStorage.getItem('midstream.visited') !== null
    sessionStorage.setItem('midstream.visited', '1')
    return was
  } catch {
    return false
  }
}

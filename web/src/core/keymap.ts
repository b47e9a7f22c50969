// One table of keys: a verb has an id, a key means one verb everywhere.

export interface Verb {
  id: string
  keys: string[]
  says: string
  where: 'everywhere' | 'list' | 'flow' | 'intercept'
}

export const verbs: Verb[] = [
  { id: 'keys', keys: ['?'], says: 'these keys', where: 'everywhere' },
  { id: 'commands', keys: [':', 'Ctrl+k'], says: 'run a command by its name; :123 goes to flow 123', where: 'everywhere' },
  { id: 'back', keys: ['Escape', 'q'], says: 'back', where: 'everywhere' },
  { id: 'filter', keys: ['f'], says: 'edit the filter', where: 'everywhere' },
  { id: 'filter.toggle', keys: ['~'], says: 'filter off, and on again', where: 'everywhere' },
  { id: 'options', keys: ['O'], says: 'options', where: 'everywhere' },
  { id: 'log', keys: ['E'], says: 'log', where: 'everywhere' },
  { id: 'flows', keys: ['P'], says: 'flows', where: 'everywhere' },
  { id: 'browser', keys: ['B'], says: 'open a browser that passes through midstream', where: 'everywhere' },
  { id: 'connect', keys: ['C'], says: 'how to connect: addresses, a QR code', where: 'everywhere' },
  { id: 'rules', keys: ['W'], says: 'rules', where: 'everywhere' },
  { id: 'layout', keys: ['\\', '_'], says: 'flow below the list, beside it, or alone', where: 'everywhere' },
  { id: 'region.next', keys: ['F6'], says: 'next part of the page', where: 'everywhere' },
  { id: 'region.previous', keys: ['Shift+F6'], says: 'part of the page before', where: 'everywhere' },
  { id: 'down', keys: ['j', 'ArrowDown'], says: 'down', where: 'list' },
  { id: 'up', keys: ['k', 'ArrowUp'], says: 'up', where: 'list' },
  { id: 'page.down', keys: [' ', 'PageDown'], says: 'a page down', where: 'list' },
  { id: 'page.up', keys: ['PageUp'], says: 'a page up', where: 'list' },
  { id: 'first', keys: ['g', 'Home'], says: 'first row', where: 'list' },
  { id: 'newest', keys: ['G', 'End'], says: 'newest row, and follow', where: 'list' },
  { id: 'follow', keys: ['F'], says: 'follow, or stop', where: 'list' },
  { id: 'hold', keys: ['Ctrl+ '], says: 'hold the list; traffic goes on', where: 'list' },
  { id: 'open', keys: ['Enter'], says: 'open the flow', where: 'list' },
  { id: 'cell.left', keys: ['h', 'ArrowLeft'], says: 'cell to the left', where: 'list' },
  { id: 'cell.right', keys: ['l', 'ArrowRight'], says: 'cell to the right', where: 'list' },
  { id: 'cell.keep', keys: ['>'], says: 'only rows like this cell; with Alt the filter waits for Enter', where: 'list' },
  { id: 'cell.hide', keys: ['<'], says: 'hide rows like this cell; with Alt the filter waits for Enter', where: 'list' },
  { id: 'order', keys: ['o'], says: 'order by this column; again: reverse', where: 'list' },
  { id: 'columns', keys: ['t'], says: 'columns', where: 'list' },
  { id: 'select', keys: ['s'], says: 'select the row, or no more', where: 'list' },
  { id: 'select.down', keys: ['Shift+ArrowDown'], says: 'select, going down', where: 'list' },
  { id: 'select.up', keys: ['Shift+ArrowUp'], says: 'select, going up', where: 'list' },
  { id: 'select.all', keys: ['Ctrl+a'], says: 'select all that is shown', where: 'list' },
  { id: 'mark', keys: ['m'], says: 'mark, or take the mark away', where: 'list' },
  { id: 'comment', keys: [';'], says: 'comment', where: 'list' },
  { id: 'delete', keys: ['d', 'Delete'], says: 'delete what is recorded; for ten seconds it can be undone', where: 'list' },
  { id: 'undo', keys: ['u'], says: 'undo: what was to be deleted stays', where: 'everywhere' },
  { id: 'replay', keys: ['r'], says: 'send the request again', where: 'list' },
  { id: 'resend', keys: ['R'], says: 'change the request, and send it again', where: 'list' },
  { id: 'edit', keys: ['e'], says: 'edit a copy', where: 'list' },
  { id: 'duplicate', keys: ['D'], says: 'record a copy', where: 'list' },
  { id: 'revert', keys: ['V'], says: 'take an edited copy away', where: 'list' },
  { id: 'kill', keys: ['X'], says: 'end the running flow', where: 'list' },
  { id: 'copy', keys: ['y'], says: 'copy: then c curl, i httpie, y python, f fetch, g go, u URL, h fields, q request, p response, b both, l link', where: 'list' },
  { id: 'save', keys: ['w'], says: 'save what is shown', where: 'list' },
  { id: 'load', keys: ['L'], says: 'open a file', where: 'list' },
  { id: 'next', keys: ['.'], says: 'next flow', where: 'flow' },
  { id: 'previous', keys: [',', 'p'], says: 'previous flow', where: 'flow' },
  { id: 'tab.next', keys: [']'], says: 'next tab', where: 'flow' },
  { id: 'tab.previous', keys: ['['], says: 'previous tab', where: 'flow' },
  { id: 'tab.number', keys: ['1', '2', '3', '4', '5', '6', '7', '8', '9'], says: 'the tab of that number', where: 'flow' },
  { id: 'sides', keys: ['-'], says: 'request and response side by side, one below the other, or one alone', where: 'flow' },
  { id: 'find', keys: ['/'], says: 'find in the body', where: 'flow' },
  { id: 'find.next', keys: ['n'], says: 'next place found', where: 'flow' },
  { id: 'find.previous', keys: ['N'], says: 'place found before', where: 'flow' },
  { id: 'view', keys: ['v'], says: 'view the body another way; an answer as it was sent', where: 'flow' },
  { id: 'credentials', keys: ['Y'], says: 'show the credentials of the flow, or hide them', where: 'flow' },
  { id: 'body', keys: ['b'], says: 'save the response body', where: 'flow' },
  { id: 'resume', keys: ['a'], says: 'let what is held go on', where: 'intercept' },
  { id: 'resume.all', keys: ['A'], says: 'let all that is held go on', where: 'intercept' },
  { id: 'intercept', keys: ['I'], says: 'intercept on or off', where: 'intercept' },
  { id: 'intercept.filter', keys: ['i'], says: 'what is intercepted', where: 'intercept' },
]

let byKey = new Map<string, string>()

// Verbs that Alt makes another of: the filter is written and not yet used.
const altered: ReadonlySet<string> = new Set(['cell.keep', 'cell.hide'])

// use takes the keys that the core says, which a person may have changed.
export function use(keys: { id: string; keys: string[] }[]) {
  for (const v of verbs) v.keys = keys.find((k) => k.id === v.id)?.keys ?? v.keys
  byKey = new Map(verbs.flatMap((v) => v.keys.map((k) => [k, v.id] as const)))
}
use([])

// verb is what a key press means, '' for nothing: letters mean nothing while
// text is typed or composed, and what the browser or the system uses is left.
export function verb(e: KeyboardEvent): string {
  if (e.isComposing || e.defaultPrevented || e.metaKey || e.getModifierState('AltGraph')) return ''
  const to = e.target as HTMLElement | null
  const typing = to !== null && (to.isContentEditable || /^(TEXTAREA|SELECT)$/.test(to.tagName) || (to.tagName === 'INPUT' && !/^(checkbox|radio|button|file)$/.test((to as HTMLInputElement).type)))
  if (typing && !/^F\d+$/.test(e.key)) return '' // such a key types nothing
  if (to !== null && /^(BUTTON|A|SUMMARY|INPUT)$/.test(to.tagName) && (e.key === 'Enter' || e.key === ' ')) return ''
  const shift = e.shiftKey && e.key.length > 1 ? 'Shift+' : ''
  const id = byKey.get((e.ctrlKey ? 'Ctrl+' : '') + shift + e.key) ?? ''
  return e.altKey && !altered.has(id) ? '' : id
}

export function shown(key: string): string {
  return key === ' ' ? 'Space' : key.replace('Ctrl+ ', 'Ctrl+Space').replace('Arrow', '')
}

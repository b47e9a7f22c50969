import { Failure, root } from '../core/api'

// The content of a message as a person edits it: octets, set out by the core as
// text of a kind, and read back from it.

export const most = 2_097_152 // octets that can be edited here
export const mostHex = 262_144 // octets that can be edited as hex

export type Kind = 'text' | 'json' | 'form' | 'hex'

export interface Sent {
  text?: string
  base64?: string
}

// Unreadable is a text that is no content of its kind; where it stands it says so
// itself.
export class Unreadable extends Error {}

// plain is octets as text, null where they are none.
export function plain(octets: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(octets)
  } catch {
    return null
  }
}

// kindOf is the kind that fits, by type and content.
export function kindOf(type: string, octets: Uint8Array): Kind {
  const text = plain(octets)
  if (text === null || text.includes('\0')) return 'hex'
  if (/[/+]json\b/i.test(type)) return 'json'
  if (/^application\/x-www-form-urlencoded\b/i.test(type)) return 'form'
  return 'text'
}

async function answered(answer: Response): Promise<Response> {
  if (answer.ok) return answer
  const said = await answer.text()
  try {
    const e = JSON.parse(said).error
    throw new Failure(answer.status, e.code, e.text, null)
  } catch (e) {
    if (e instanceof Failure) throw e
    throw new Failure(answer.status, 'internal', said.slice(0, 200), null)
  }
}

// show sets octets out as text of a kind.
export async function show(octets: Uint8Array, kind: Kind): Promise<string> {
  if (kind === 'text') {
    const text = plain(octets)
    if (text === null) throw new Error('it is no text')
    return text
  }
  if (kind === 'hex' && octets.length > mostHex) throw new Error('it is too large to be edited as hex')
  const answer = await answered(
    await fetch(`${root}/content/text?as=${kind}`, { method: 'POST', credentials: 'same-origin', body: octets as BodyInit, headers: { 'Content-Type': 'application/octet-stream' } }),
  )
  return (await answer.json()).text
}

// read makes octets of a text of a kind.
export async function read(text: string, kind: Kind): Promise<Uint8Array> {
  if (kind === 'text') return new TextEncoder().encode(text)
  const answer = await answered(
    await fetch(`${root}/content/octets?as=${kind}`, { method: 'POST', credentials: 'same-origin', body: text, headers: { 'Content-Type': 'text/plain' } }),
  )
  return new Uint8Array(await answer.arrayBuffer())
}

// octetsIn is what base64 stands for.
export const octetsIn = (base64: string) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0))

// sent is octets as the API takes them.
export function sent(octets: Uint8Array): Sent {
  const text = plain(octets)
  if (text !== null) return { text }
  return { base64: base64(octets) }
}

export function base64(octets: Uint8Array): string {
  let binary = ''
  for (let i = 0; i < octets.length; i += 8192) binary += String.fromCharCode(...octets.subarray(i, i + 8192))
  return btoa(binary)
}

// octetsOf fetches a body whole, as long as it can be edited here.
export async function octetsOf(path: string, signal?: AbortSignal): Promise<Uint8Array> {
  const answer = await answered(await fetch(root + path, { credentials: 'same-origin', signal }))
  const reader = answer.body!.getReader()
  const parts: Uint8Array[] = []
  let n = 0
  for (;;) {
    const { done, value } = await reader.read()
    if (done) break
    n += value.length
    if (n > most) {
      await reader.cancel().catch(() => {})
      throw new Error('it is too large to be edited here')
    }
    parts.push(value)
  }
  const all = new Uint8Array(n)
  let at = 0
  for (const p of parts) {
    all.set(p, at)
    at += p.length
  }
  return all
}


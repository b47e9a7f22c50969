// Calls of the control API. Every answer that is no success becomes a Failure
// with the one line that the core says.

import { hidden } from './secrets.svelte'

export const root = '/api/v1'

export class Failure extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    text: string,
    readonly offset: number | null,
    readonly param = '', // of a rule: what of it is wrong
  ) {
    super(text)
  }
}

async function failure(answer: Response): Promise<Failure> {
  const text = (await answer.text()).slice(0, 4096)
  try {
    const e = JSON.parse(text).error
    return new Failure(answer.status, e.code, e.text, typeof e.offset === 'number' ? e.offset : null, e.param ?? '')
  } catch {
    return new Failure(answer.status, 'internal', `${answer.status}: ${text.slice(0, 200) || answer.statusText}`, null)
  }
}

export async function call<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const init: RequestInit = { method, credentials: 'same-origin', signal }
  if (body !== undefined) {
    init.body = JSON.stringify(body)
    init.headers = { 'Content-Type': 'application/json' }
  }
  const answer = await fetch(root + path, init)
  if (!answer.ok) throw await failure(answer)
  if (answer.status === 204) return undefined as T
  return (await answer.json()) as T
}

// get fetches what is shown, openly what is copied, edited or sent: that has its
// credentials.
export const get = <T>(path: string, signal?: AbortSignal) => call<T>('GET', hidden(path), undefined, signal)
export const openly = <T>(path: string, signal?: AbortSignal) => call<T>('GET', path, undefined, signal)
// text fetches what is no JSON.
export async function text(path: string): Promise<{ text: string; file: string }> {
  const answer = await fetch(root + path, { credentials: 'same-origin' })
  if (!answer.ok) throw await failure(answer)
  return { text: await answer.text(), file: answer.headers.get('Midstream-File') ?? '' }
}

export const post = <T>(path: string, body: unknown = {}) => call<T>('POST', path, body)

// upload sends a file as it is; the browser reads it while it sends.
export async function upload<T>(path: string, file: File): Promise<T> {
  const answer = await fetch(root + path, {
    method: 'POST',
    body: file,
    credentials: 'same-origin',
    headers: { 'Content-Type': 'application/octet-stream' },
  })
  if (!answer.ok) throw await failure(answer)
  return (await answer.json()) as T
}

export interface Piece {
  octets: Uint8Array
  start: number // offset of the first octet
  size: number | null // octets there are now; null where that is not known
  record: string
  coding: string
}

// piece fetches octets [from, from+n) of a body; fewer come where it ends, none
// behind its end.
export async function piece(
  flow: number,
  side: string,
  as: string,
  from: number,
  n: number,
  signal?: AbortSignal,
): Promise<Piece> {
  const answer = await fetch(root + hidden(`/flows/${flow}/${side}/body?as=${as}`), {
    headers: { Range: `bytes=${from}-${from + n - 1}` },
    credentials: 'same-origin',
    signal,
  })
  const said = answer.headers.get('Midstream-Size')
  const range = /\/(\d+)$/.exec(answer.headers.get('Content-Range') ?? '')
  const facts = {
    size: said !== null ? Number(said) : range ? Number(range[1]) : null,
    record: answer.headers.get('Midstream-Record') ?? '',
    coding: answer.headers.get('Midstream-Coding') ?? '',
  }
  if (answer.status === 416) {
    await answer.body?.cancel()
    return { octets: new Uint8Array(0), start: from, ...facts }
  }
  if (!answer.ok) throw await failure(answer)
  const skip = answer.status === 206 ? 0 : from
  const octets = await atMost(answer, skip, n)
  if (facts.size === null && octets.length < n) facts.size = from + octets.length
  return { octets, start: from, ...facts }
}

// atMost reads n octets behind the first skip of an answer, and ends it there:
// also a server that knows no ranges costs no more than that.
async function atMost(answer: Response, skip: number, n: number): Promise<Uint8Array> {
  const out = new Uint8Array(n)
  let at = 0
  const reader = answer.body?.getReader()
  if (!reader) return out.subarray(0, 0)
  while (at < n) {
    const { done, value } = await reader.read()
    if (done) return out.subarray(0, at)
    let got = value
    if (skip > 0) {
      const leap = Math.min(skip, got.length)
      skip -= leap
      got = got.subarray(leap)
    }
    got = got.subarray(0, n - at)
    out.set(got, at)
    at += got.length
  }
  await reader.cancel().catch(() => {})
  return out
}

// lines hands on an answer of one JSON object a line, as they come.
export async function lines<T>(path: string, take: (line: T) => void, signal: AbortSignal): Promise<void> {
  const answer = await fetch(root + hidden(path), { credentials: 'same-origin', signal })
  if (!answer.ok) throw await failure(answer)
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader()
  let rest = ''
  for (;;) {
    const { done, value } = await reader.read()
    const all = (rest + (value ?? '')).split('\n')
    rest = done ? '' : all.pop()!
    for (const line of all) if (line.trim()) take(JSON.parse(line) as T)
    if (done) return
  }
}

// follow hands on the octets of a living body from an offset, as they come.
export async function follow(
  flow: number,
  side: string,
  from: number,
  take: (octets: Uint8Array) => void,
  signal: AbortSignal,
): Promise<void> {
  const answer = await fetch(root + hidden(`/flows/${flow}/${side}/body?follow=1`), {
    headers: { Range: `bytes=${from}-` },
    credentials: 'same-origin',
    signal,
  })
  if (answer.status === 416) return
  if (!answer.ok) throw await failure(answer)
  let skip = answer.status === 206 ? 0 : from
  const reader = answer.body!.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    const leap = Math.min(skip, value.length)
    skip -= leap
    if (leap < value.length) take(value.subarray(leap))
  }
}

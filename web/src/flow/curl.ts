import { piece } from '../core/api'
import type { Flow } from '../core/types'

const most = 65_536 // octets of a body that stand in the line

const quote = (text: string) => `'${text.replace(/'/g, `'\\''`)}'`

// curl makes of a recorded request a line for a POSIX shell. A body that is
// large or no text is a file beside it: `midstream flows body` writes it.
export async function curl(flow: Flow): Promise<string> {
  const request = flow.request
  if (!request) throw new Error('this flow has no request')
  const line = ['curl', quote(request.url ?? flow.url)]
  const method = request.method ?? 'GET'
  if (method === 'HEAD') line.push('--head')
  else if (method !== 'GET' || flow.request_body.received > 0) line.push('-X', quote(method))
  let compressed = false
  for (const [name, value] of request.fields ?? []) {
    if (/^(content-length|transfer-encoding|connection|proxy-connection|proxy-authorization|keep-alive|te|trailer|upgrade)$/i.test(name) || name.startsWith(':')) continue
    if (/^accept-encoding$/i.test(name)) compressed = true
    line.push('-H', quote(value === '' ? `${name};` : `${name}: ${value}`))
  }
  if (compressed) line.push('--compressed')
  const size = flow.request_body.received
  if (size > 0) {
    const text = size <= most ? await body(flow) : null
    if (text === null) line.push('--data-binary', `@request-${flow.number}.bin`)
    else line.push('--data-raw', quote(text))
  }
  return line.join(' ')
}

async function body(flow: Flow): Promise<string | null> {
  const p = await piece(flow.number, 'request', 'raw', 0, most + 1)
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(p.octets)
    return text.includes('\0') ? null : text
  } catch {
    return null
  }
}

import type { Field } from './types'

// Flows whose credentials were asked for. Others have dots in their place, which the
// core puts into all that is fetched with `hidden`.
class Secrets {
  private flows = $state.raw<ReadonlySet<number>>(new Set())

  asked(flow: number): boolean {
    return this.flows.has(flow)
  }

  toggle(flow: number) {
    const next = new Set(this.flows)
    if (!next.delete(flow)) next.add(flow)
    this.flows = next
  }
}

export const secrets = new Secrets()

// covered has the names, in lower case, of the fields of which something is not seen.
export function covered(fields: Field[] | null | undefined, seen: Field[] | null | undefined): ReadonlySet<string> {
  const names = new Set<string>()
  for (const [i, [name, value]] of (fields ?? []).entries()) if (seen?.[i]?.[1] !== value) names.add(name.toLowerCase())
  return names
}

// hidden is the path of what is shown: without credentials, unless those of its flow
// were asked for.
export function hidden(path: string): string {
  if (!/^\/(flows|views|intercept|log)\b/.test(path)) return path // it tells of no flow
  const flow = /^\/(?:flows|intercept)\/(\d+)(?![^/?])/.exec(path)
  if (flow && secrets.asked(Number(flow[1]))) return path
  return path + (path.includes('?') ? '&' : '?') + 'hide=credentials'
}

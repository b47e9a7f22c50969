import { get, root } from '../core/api'
import { hidden } from '../core/secrets.svelte'
import type { Answer, Output } from '../core/types'

const patience = 1500 // ms until a stream that broke is opened again

// join adds to an answer what the core says was added to it.
export function join(was: Answer, more: Answer): Answer {
  const outputs = (more.outputs ?? []).map((o, i): Output => {
    const before = was.outputs?.[i]
    if (!before) return o
    const calls = (o.tool_calls ?? []).map((c, j) => {
      const old = before.tool_calls?.[j]
      return old && old.arguments !== null && c.arguments !== null ? { ...c, arguments: old.arguments + c.arguments } : c
    })
    return {
      ...o,
      text: before.text + o.text,
      reasoning: (before.reasoning ?? '') + (o.reasoning ?? ''),
      refusal: (before.refusal ?? '') + (o.refusal ?? ''),
      citations: [...(before.citations ?? []), ...(o.citations ?? [])],
      tool_calls: calls,
    }
  })
  return { ...more, outputs }
}

// Answering is what a language model answers in a flow: fetched once where the
// flow has ended, and followed while it lives.
export class Answering {
  answer = $state.raw<Answer | null>(null)
  asked = $state(false) // whether there is one is known
  live = $state(false)
  trouble = $state('')
  private source: EventSource | null = null
  private timer: ReturnType<typeof setTimeout> | undefined
  private control = new AbortController()

  constructor(private flow: number) {}

  // fetch asks for the whole of it.
  async fetch() {
    try {
      const got = await get<{ answer: Answer | null; error?: string }>(`/flows/${this.flow}/answer`, this.control.signal)
      if (this.live) return
      this.answer = got.answer
      this.trouble = got.error ?? ''
      this.asked = true
    } catch (e) {
      if (!this.control.signal.aborted) this.trouble = e instanceof Error ? e.message : String(e)
    }
  }

  // follow has it grow while the flow lives; at the end it is fetched as it is
  // recorded, with the times of the record.
  follow() {
    if (this.source || this.control.signal.aborted) return
    const source = new EventSource(root + hidden(`/flows/${this.flow}/answer?follow=1`))
    this.source = source
    this.live = true
    const on = (name: string, act: (data: string) => void) =>
      source.addEventListener(name, (e) => this.source === source && act((e as MessageEvent<string>).data))
    const over = () => {
      source.close()
      this.source = null
      this.live = false
    }
    on('answer', (data) => {
      this.answer = JSON.parse(data)
      this.asked = true
    })
    on('more', (data) => {
      if (this.answer) this.answer = join(this.answer, JSON.parse(data))
    })
    on('end', () => {
      over()
      void this.fetch()
    })
    on('failed', (data) => {
      this.trouble = JSON.parse(data).error?.text ?? 'the answer cannot be read any more'
      over()
    })
    source.onerror = () => {
      if (this.source !== source) return
      over()
      this.timer = setTimeout(() => this.follow(), patience)
    }
  }

  close() {
    this.control.abort()
    clearTimeout(this.timer)
    this.source?.close()
    this.source = null
  }
}

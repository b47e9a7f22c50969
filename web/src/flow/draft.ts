import type { Kind } from '../edit/content'
import type { Field, Side } from '../core/types'

// Typed is a body as a person has it in the field.
export interface Typed {
  kind: Kind
  text: string
}

// Draft is a request, and a response, that are changed and not sent yet.
export interface Draft {
  side: Side
  method: string
  url: string
  fields: Field[]
  code: string
  reason: string
  answers: Field[]
  head: Record<Side, boolean> // changed
  bodies: Partial<Record<Side, Typed>>
}

const most = 20 // drafts, and
const mostWords = 100 // short texts

// Memory keeps what was typed and is not used yet, while the page shows something else:
// drafts by the number of their flow, and short texts by what they are for. The oldest
// goes for one too many.
export class Memory {
  private drafts = new Map<number, Draft>()
  private words = new Map<string, string>()

  draft(number: number): Draft | undefined {
    return this.drafts.get(number)
  }

  keep(number: number, draft: Draft | null) {
    put(this.drafts, number, draft, most)
  }

  word(of: string): string | undefined {
    return this.words.get(of)
  }

  keepWord(of: string, text: string | null) {
    put(this.words, of, text, mostWords)
  }

  forget() {
    this.drafts.clear()
    this.words.clear()
  }
}

function put<K, V>(all: Map<K, V>, key: K, value: V | null, most: number) {
  all.delete(key)
  if (value !== null) all.set(key, value)
  if (all.size > most) all.delete(all.keys().next().value!)
}

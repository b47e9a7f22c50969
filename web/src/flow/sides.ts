import type { Sides } from '../core/app.svelte'

const roomy = 1200 // pixels from where both stand side by side unasked
const least = 560 // and where they can
const order: Sides[] = ['side', 'stacked', 'single']

// stand says how request and response stand in a place of that width, where '' leaves
// it to the page.
export function stand(width: number, wish: Sides | ''): Sides {
  if (wish === '') return width >= roomy ? 'side' : 'single'
  return wish === 'side' && width < least ? 'single' : wish
}

// turned is the next way.
export function turned(width: number, wish: Sides | ''): Sides {
  const from = order.indexOf(stand(width, wish))
  const next = order[(from + 1) % order.length]
  return next === 'side' && width < least ? 'stacked' : next
}

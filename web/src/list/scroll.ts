// Where a long list stands. Browsers end at some ten million pixels of height,
// so a list above the limit has a spacer of fixed height, and the position is a
// rank with a fraction, which the scroll bar only shows.

export const limit = 8_000_000 // pixels

// tall is the height of the spacer for that many rows.
export function tall(total: number, rowHeight: number): number {
  return Math.min(total * rowHeight, limit)
}

// scaled says whether a pixel of the scroll bar is more than a pixel of rows.
export function scaled(total: number, rowHeight: number): boolean {
  return total * rowHeight > limit
}

// toScroll is the scroll offset that shows rank `top` first.
export function toScroll(top: number, total: number, rowHeight: number, viewport: number): number {
  if (!scaled(total, rowHeight)) return top * rowHeight
  const rows = total - viewport / rowHeight
  return rows <= 0 ? 0 : (top / rows) * (limit - viewport)
}

// toTop is the rank that a scroll offset shows first.
export function toTop(offset: number, total: number, rowHeight: number, viewport: number): number {
  if (!scaled(total, rowHeight)) return offset / rowHeight
  return (offset / (limit - viewport)) * (total - viewport / rowHeight)
}

// clamp keeps a top inside of the list.
export function clamp(top: number, total: number, rowHeight: number, viewport: number): number {
  return Math.max(0, Math.min(top, total - viewport / rowHeight))
}

// statements.ts: literals and conditions as SQL: numbers and hex digits, never a quoted string.

import type { IdRange } from '../store.ts'

export function hex(bytes: Uint8Array): string {
  return `X'${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')}'`
}

export function text(words: string): string {
  return hex(Buffer.from(words))
}

/** Microseconds since 1970, by the server's clock. */
export const NOW = 'CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS UNSIGNED)'

/** That many milliseconds from now, by the server's clock: a time of this host's clock is as far from its own now. */
export function fromNow(time: number, now = Date.now()): string {
  return `${NOW} + ${Math.round((time - now) * 1000)}`
}

/** Those ids, runs of them as ranges. */
export function withIds(ranges: readonly IdRange[]): string {
  const singles: number[] = []
  const parts: string[] = []
  for (const { from, to } of merged(ranges)) {
    if (to - from < 2) for (let id = from; id <= to; id += 1) singles.push(id)
    else parts.push(`id BETWEEN ${from} AND ${to}`)
  }
  if (singles.length > 0) parts.push(`id IN (${singles.join()})`)
  return parts.length === 0 ? 'FALSE' : `(${parts.join(' OR ')})`
}

/** In order, and what touches each other as one. */
export function merged(ranges: readonly IdRange[]): IdRange[] {
  const sorted = [...ranges].sort((one, other) => one.from - other.from)
  const whole: { from: number; to: number }[] = []
  for (const { from, to } of sorted) {
    const last = whole.at(-1)
    if (last !== undefined && from <= last.to + 1) last.to = Math.max(last.to, to)
    else whole.push({ from, to })
  }
  return whole
}

export function idsOf(ranges: readonly IdRange[]): number[] {
  return ranges.flatMap(({ from, to }) => Array.from({ length: to - from + 1 }, (_, i) => from + i))
}

export function rangeOf(id: number): IdRange {
  return { from: id, to: id }
}

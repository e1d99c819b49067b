// mutations.ts: damage of every kind to a file of a queue.

import type { Content, Inode } from '../crash/content.ts'
import type { Damage } from './examine.ts'
import type { SmallQueue } from './small-queue.ts'

/** The queue with one file changed; `from` to `to`: the bytes that are hit. */
export function damaged(
  queue: SmallQueue,
  path: string,
  hit: { readonly name: string; readonly from: number; readonly to: number },
  change: (inode: Inode, content: Content) => void,
): Damage {
  const content = queue.content.copy()
  change(inodeOf(content, path), content)
  return { ...hit, name: `${hit.name} of ${path}`, path, content }
}

export function inodeOf(content: Content, path: string): Inode {
  return content.inode(content.names.get(path) ?? -1)
}

export function sizeOf(queue: SmallQueue, path: string): number {
  return inodeOf(queue.content, path).size
}

/** Each `every`-th bit of a file, flipped. */
export function* flips(queue: SmallQueue, path: string, every = 1, first = 0): Generator<Damage> {
  for (let bit = first; bit < sizeOf(queue, path) * 8; bit += every) {
    const at = bit >>> 3
    yield damaged(queue, path, { name: `bit ${bit & 7} of byte ${at}`, from: at, to: at + 1 }, (inode) => {
      inode.write(Uint8Array.of((inode.bytes[at] ?? 0) ^ (1 << (bit & 7))), at)
    })
  }
}

/** Each `every`-th byte set to a value. */
export function* bytesSet(queue: SmallQueue, path: string, value: number, every = 1): Generator<Damage> {
  for (let at = 0; at < sizeOf(queue, path); at += every) {
    if (inodeOf(queue.content, path).bytes[at] === value) continue
    const name = `byte ${at} set to ${value}`
    yield damaged(queue, path, { name, from: at, to: at + 1 }, (inode) => inode.write(Uint8Array.of(value), at))
  }
}

/** Cut off at each `every`-th byte. */
export function* cuts(queue: SmallQueue, path: string, every = 1): Generator<Damage> {
  const size = sizeOf(queue, path)
  for (let at = 0; at < size; at += every) {
    yield damaged(queue, path, { name: `cut at ${at}`, from: at, to: size }, (inode) => inode.truncate(at))
  }
}

/** Each run of `bytes`, aligned or not, filled with something. */
export function* fills(queue: SmallQueue, path: string, bytes: number, value: number, step = bytes): Generator<Damage> {
  const size = sizeOf(queue, path)
  for (let from = 0; from < size; from += step) {
    const to = Math.min(from + bytes, size)
    yield damaged(queue, path, { name: `${from} to ${to} filled with ${value}`, from, to }, (inode) =>
      inode.fill(value, from, to),
    )
  }
}

/** Each sector that stands in another's place, too (doubled), or both in each other's (swapped). */
export function* sectors(queue: SmallQueue, path: string, kind: 'doubled' | 'swapped', bytes = 512): Generator<Damage> {
  const count = Math.floor(sizeOf(queue, path) / bytes)
  for (let one = 0; one < count; one++) {
    for (let other = kind === 'swapped' ? one + 1 : 0; other < count; other++) {
      if (one !== other) yield sectorMoved(queue, path, { kind, bytes, one, other })
    }
  }
}

interface Move {
  readonly kind: 'doubled' | 'swapped'
  readonly bytes: number
  readonly one: number
  readonly other: number
}

function sectorMoved(queue: SmallQueue, path: string, { kind, bytes, one, other }: Move): Damage {
  const [from, to] = [other * bytes, one * bytes].sort((a, b) => a - b) as [number, number]
  const hit = kind === 'swapped' ? { from, to: to + bytes } : { from: other * bytes, to: (other + 1) * bytes }
  return damaged(queue, path, { name: `sectors ${one} and ${other} ${kind}`, ...hit }, (inode) => {
    const first = inode.bytes.slice(one * bytes, (one + 1) * bytes)
    if (kind === 'swapped') inode.write(inode.bytes.slice(other * bytes, (other + 1) * bytes), one * bytes)
    inode.write(first, other * bytes)
  })
}

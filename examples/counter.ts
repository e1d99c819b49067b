// counter.ts: three processes count the words of a file together, in one map. `update` makes each count safe: whatever
// the others do meanwhile, none is lost.
//
//   node dist/examples/counter.js [file] [folder]

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { PersistentMap } from '../lib/index.ts'
import { place } from './place.ts'

const processes = 3
const readme = fileURLToPath(new URL('../../README.md', import.meta.url))
const [file = readme, folder, part] = process.argv.slice(2)

if (part === undefined) await main(place(folder))
else await count(Number(part))

/** One of the processes: every third line is its own. */
async function count(part: number): Promise<void> {
  await using counts = await PersistentMap.open<number>(location(String(folder)), { durability: 'os' })
  const lines = readFileSync(file, 'utf8').split('\n')
  for (const [i, line] of lines.entries()) {
    if (i % processes !== part) continue
    await Promise.all(wordsOf(line).map((word) => counts.update(word, (n = 0) => n + 1)))
  }
}

async function main(where: string): Promise<void> {
  const expected = new Map<string, number>()
  for (const word of wordsOf(readFileSync(file, 'utf8'))) expected.set(word, (expected.get(word) ?? 0) + 1)
  const counting = Array.from({ length: processes }, (_, i) =>
    spawn(process.execPath, [fileURLToPath(import.meta.url), file, where, String(i)], { stdio: 'inherit' }),
  )
  const ends = await Promise.all(counting.map((each) => once(each, 'exit')))
  assert.ok(ends.every(([code]) => code === 0))

  await using counts = await PersistentMap.open<number>(location(where))
  let total = 0
  for await (const [word, n] of counts) {
    assert.equal(n, expected.get(word), word)
    total += n
  }
  assert.equal(await counts.size(), expected.size)
  console.log(`${total} words, ${expected.size} different ones; 'the' ${(await counts.get('the')) ?? 0} times`)
  console.log('Every word is counted, by three processes at once.')
}

function location(where: string): string {
  return `sqlite:${join(where, 'state.db')}?map=words`
}

function wordsOf(text: string): string[] {
  return text.toLowerCase().match(/\p{L}+/gu) ?? []
}

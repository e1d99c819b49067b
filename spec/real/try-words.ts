// try-words.ts: some words of the crash battery, in a process of its own, so that a copy of the library with a planted
// bug can be tried: node try-words.js <disk | os> <states of each step> <word …>. Exit code 1 where a state is wrong.

import { tryWord } from '../crash/battery.ts'
import { logSubject } from '../crash/log-subject.ts'

const [durability = '', limit = '', ...words] = process.argv.slice(2)
if (durability !== 'disk' && durability !== 'os') throw new TypeError(`no durability: ${durability}`)
const subject = logSubject(durability)
let states = 0
for (const word of words) {
  const result = await tryWord(word, subject, { seed: 1, limit: Number(limit), whole: true })
  states += result.states
  const [first] = result.failures
  if (!first) continue
  console.log(`${first.name}: ${first.wrong[0]?.split('\n')[0]}`)
  process.exit(1)
}
console.log(`${states} states`)

// try-words.ts: some words of the crash battery, in a process of its own, so that a copy of the library with a planted
// bug can be tried: node try-words.js <subject> <states of each step> <word …>. Exit code 1 where a state is wrong.

import { tryWord } from '../crash/battery.ts'
import { logSubject, subjectNames } from '../crash/log-subject.ts'

const [wanted = '', limit = '', ...words] = process.argv.slice(2)
const name = subjectNames.find((each) => each === wanted)
if (!name) throw new TypeError(`no subject: ${wanted}`)
const subject = logSubject(name)
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

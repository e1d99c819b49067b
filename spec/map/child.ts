// child.ts: another process on a map: node child.js <location> <what> [how often]. It tells in lines what has resolved.

import { writeSync } from 'node:fs'
import { PersistentMap } from '../../lib/index.ts'

const [location = '', what = '', times = '0'] = process.argv.slice(2)
const map = await PersistentMap.open<number>(location)
const tell = (line: string): number => writeSync(1, `${line}\n`)

if (what === 'count') {
  for (let i = 0; i < Number(times); i += 1) await map.update('n', (n = 0) => n + 1)
  await map.close()
} else if (what === 'count for ever') {
  for (;;) tell(String(await map.update('n', (n = 0) => n + 1)))
} else if (what === 'set for ever') {
  // Each key twice, in the order in which they are told.
  for (let i = 1; ; i += 1) {
    await map.set(`key ${i}`, i)
    await map.set(`key ${i}`, -i)
    tell(String(i))
  }
} else if (what === 'idle') {
  await map.set('a', 1)
  tell('idle')
} else if (what === 'late') {
  setTimeout(() => tell('waited for nobody'), 60_000).unref()
  map.set('a', 2).then(() => tell('set'))
}

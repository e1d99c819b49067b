import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before } from 'node:test'
import { PersistentMap } from '../../lib/index.ts'
import { mapSuite } from './suite.ts'

const folder = await mkdtemp(join(tmpdir(), 'spoolq-map-'))
const file = join(folder, 'state.db')
let made = 0
let keeper: PersistentMap

// Its thread goes on from spec to spec.
before(async () => {
  keeper = await PersistentMap.open(`sqlite:${file}`)
})
after(async () => {
  await keeper.close()
  await rm(folder, { recursive: true, force: true })
})

mapSuite('sqlite', async () => {
  made += 1
  return { location: `sqlite:${file}?map=${made}`, remove: async () => {} }
})

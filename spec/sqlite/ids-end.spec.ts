// ids-end.spec.ts: the end of ids over SQLite, with either driver's numbers.

import { describe } from 'node:test'
import { AsyncQueue } from '../../lib/index.ts'
import { idsEnd, NEARLY } from '../store/ids-end.ts'
import { foreign, newFile } from './rig.ts'

describe('the queue in an SQLite database', () => {
  idsEnd(async () => {
    const file = newFile()
    const location = `sqlite:${file}`
    await (await AsyncQueue.open(location)).close()
    const driver = foreign(file)
    driver.exec(`UPDATE spoolq_queues SET next_id = ${NEARLY}`)
    driver.close()
    return AsyncQueue.open<string>(location)
  })
})

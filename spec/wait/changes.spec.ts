import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { Changes } from '../../lib/wait/changes.ts'
import { until } from '../queue/place.ts'

function observed(): { changes: Changes; log: string[]; tell: () => void } {
  const log: string[] = []
  let tell = (): void => {}
  const changes = new Changes({
    watch: (changed) => {
      log.push('watch')
      tell = changed
      return () => log.push('unwatch')
    },
    changed: () => log.push('changed'),
    waited: (somebody) => log.push(somebody ? 'somebody' : 'nobody'),
  })
  return { changes, log, tell: () => tell() }
}

describe('the queue, to learn of changes,', () => {
  it('watches while somebody waits, and looks once more when the watch has started', async () => {
    const { changes, log, tell } = observed()
    changes.arrived()
    changes.arrived()
    changes.unserved()
    await until(() => log.includes('watch'))
    assert.deepEqual(log, ['somebody', 'watch', 'changed'])
    tell()
    changes.departed()
    assert.deepEqual(log, ['somebody', 'watch', 'changed', 'changed'])
    changes.departed()
    assert.deepEqual(log.slice(4), ['unwatch', 'nobody'])
  })

  it('starts no watch for a caller that is served at once', async () => {
    const { changes, log } = observed()
    changes.arrived()
    changes.unserved()
    changes.departed()
    changes.arrived()
    await new Promise((resolve) => setTimeout(resolve, 5))
    assert.deepEqual(log, ['somebody', 'nobody', 'somebody'])
    changes.departed()
  })

  it('looks by itself every so often, because a watch may miss something', async () => {
    const { changes, log } = observed()
    changes.arrived()
    changes.unserved()
    await until(() => log.filter((word) => word === 'changed').length >= 2)
    changes.departed()
    assert.equal(log.filter((word) => word === 'watch').length, 1)
  })
})

// authority.ts: an authority of our own, and the certificate of a server at 127.0.0.1, in files of a folder.

import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface Certified {
  /** PEM files: of the authority, of another one that nobody knows, and the server's two. */
  readonly ca: string
  readonly otherCa: string
  /** What a mariadbd is started with. */
  readonly flags: readonly string[]
}

export function certify(folder: string): Certified {
  const at = (name: string) => join(folder, name)
  const openssl = (...words: string[]) => execFileSync('openssl', words, { stdio: 'ignore' })
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30']
  for (const name of ['ca', 'other'] as const) {
    openssl(
      'req',
      '-x509',
      ...key,
      '-subj',
      `/CN=spoolq ${name}`,
      '-keyout',
      at(`${name}.key`),
      '-out',
      at(`${name}.pem`),
    )
  }
  openssl('req', ...key.slice(0, -2), '-subj', '/CN=server', '-keyout', at('server.key'), '-out', at('server.csr'))
  writeFileSync(at('names'), 'subjectAltName = IP:127.0.0.1\n')
  const signing = [
    '-CA',
    at('ca.pem'),
    '-CAkey',
    at('ca.key'),
    '-CAcreateserial',
    '-days',
    '30',
    '-extfile',
    at('names'),
  ]
  openssl('x509', '-req', '-in', at('server.csr'), ...signing, '-out', at('server.pem'))
  const flags = [`--ssl-ca=${at('ca.pem')}`, `--ssl-cert=${at('server.pem')}`, `--ssl-key=${at('server.key')}`]
  return { ca: at('ca.pem'), otherCa: at('other.pem'), flags }
}

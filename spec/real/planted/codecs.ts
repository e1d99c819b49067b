// codecs.ts: items that come out as something else than what went in.

import { type Bug, spec } from './bug.ts'

export const codecs: readonly Bug[] = [
  {
    name: 'bytes values are views of the bytes that they are read from',
    file: 'codec/msgpack.js',
    from: 'copyBuffers: true',
    to: 'copyBuffers: false',
    layer: spec('codec/random-items'),
  },
  {
    name: 'the texts of a large document are kept until the next one is read',
    file: 'codec/msgpack.js',
    from: 'if (bytes.length > LARGE_BYTES)',
    to: 'if (false)',
    layer: spec('codec/kept'),
  },
  {
    name: 'the views of an item of v8 share one copy of it',
    file: 'codec/v8.js',
    from: 'const bytes = buffer.slice(byteOffset, byteOffset + byteLength);',
    to: 'return view; const bytes = buffer;',
    layer: spec('codec/random-items'),
  },
  {
    name: 'a shape that was defined in another document is used without its keys',
    file: 'codec/msgpack-writer.js',
    from: "if (form === 'records')\n            this.#shapes.clear();",
    to: ';',
    layer: spec('codec/random-items'),
  },
  {
    name: 'a time before 1970 is written as one behind it',
    file: 'codec/msgpack-bytes.js',
    from: 'if (seconds < 0 || seconds >= 2 ** 34)',
    to: 'if (seconds >= 2 ** 34)',
    layer: spec('codec/msgpack'),
  },
  {
    name: 'a text may begin with the mark of an encoding',
    file: 'codec/msgpack-bytes.js',
    from: ' && text.charCodeAt(0) !== 0xfeff',
    to: '',
    layer: spec('codec/without-native'),
  },
  {
    name: 'the hidden properties of an error are left out',
    file: 'codec/msgpack-errors.js',
    from: 'for (const [key, value] of hidden)',
    to: 'for (const [key, value] of [])',
    layer: spec('codec/errors'),
  },
  {
    name: 'an error without a stack gets that of its decoder',
    file: 'codec/msgpack-errors.js',
    from: 'Reflect.deleteProperty(error, key)',
    to: '{ }',
    layer: spec('codec/errors'),
  },
  {
    name: 'what a toJSON returned is asked for its toJSON again',
    file: 'codec/msgpack-writer.js',
    from: 'return isOther ?',
    to: 'return true ?',
    layer: spec('codec/msgpack'),
  },
  {
    name: 'a property that went while an object was written is not missed',
    file: 'codec/msgpack-writer.js',
    from: 'if (count !== shape.keys.length)',
    to: 'if (false)',
    layer: spec('codec/msgpack'),
  },
  {
    name: 'after one broken document all others count as broken',
    file: 'codec/documents.js',
    from: 'this.#error = undefined;\n        try {\n            this.#frames',
    to: 'try {\n            this.#frames',
    layer: spec('codec/documents'),
  },
  {
    name: 'a promise that a toJSON gives is stored as an empty object',
    file: 'codec/json.js',
    from: 'if (value instanceof Promise)',
    to: 'if (false)',
    layer: spec('codec/codecs'),
  },
]

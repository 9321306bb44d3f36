// @ldo/connected-solid: containers, uploads, linked data objects, access rules, and the way up to the storage.
import { createSolidLdoDataset } from '@ldo/connected-solid'
import { commitData, changeData } from '@ldo/connected'
import { given, signedIn, statusOf, tell } from './common.mjs'

const { alice, bob } = given.people
const FOAF = 'http://xmlns.com/foaf/0.1/'

// What `ldo build` would write from a ShEx shape of a person.
const PersonShape = {
  shape: 'https://example.org/Person',
  schema: {
    type: 'Schema',
    shapes: [{ id: 'https://example.org/Person', type: 'ShapeDecl', shapeExpr: { type: 'Shape', expression: {
      type: 'EachOf',
      expressions: [
        { type: 'TripleConstraint', predicate: `${FOAF}name`, valueExpr: { type: 'NodeConstraint' }, min: 0, max: 1 },
        { type: 'TripleConstraint', predicate: `${FOAF}nick`, valueExpr: { type: 'NodeConstraint' }, min: 0, max: -1 },
      ],
    } } }],
  },
  context: {
    name: { '@id': `${FOAF}name`, '@type': 'http://www.w3.org/2001/XMLSchema#string' },
    nick: { '@id': `${FOAF}nick`, '@type': 'http://www.w3.org/2001/XMLSchema#string', '@isCollection': true },
  },
}

await tell(async () => {
  const { fetch } = await signedIn(alice)
  const { fetch: bobs } = await signedIn(bob)
  const dataset = createSolidLdoDataset()
  dataset.setContext('solid', { fetch })
  const dir = `${given.home}ldo/`
  const container = dataset.getResource(dir)
  const seen = {}

  const first = ok(await container.createIfAbsent())
  const second = ok(await container.createIfAbsent())
  seen.created = [first.type, first.didOverwrite, second.type]

  const upload = ok(await container.uploadChildAndOverwrite('a.txt', new Blob(['upload']), 'text/plain'))
  ok(await container.uploadChildIfAbsent('a.txt', new Blob(['other']), 'text/plain'))
  const again = await otherReader(fetch, `${dir}a.txt`)
  seen.upload = { type: upload.type, mime: again.getMimeType(), text: await again.getBlob().text(), binary: again.isBinary() }

  seen.object = await object(dataset, container, fetch)
  seen.root = (await container.getRootContainer()).uri
  seen.isRoot = ok(await dataset.getResource(alice.pod).read()).resource.isRootContainer()
  seen.missing = dataset.getResource(`${dir}nothing.ttl`)
  seen.missing = ok(await seen.missing.read()).type
  ok(await container.read())
  seen.children = container.children().map(one => one.uri).sort()
  seen.wac = await access(dataset, container, bobs)
  // LDO calls a deletion done when the answer is 205 and an error when it is 204; what counts here is what is left.
  const leaf = dataset.getResource(`${dir}a.txt`)
  await leaf.delete()
  seen.gone = ok(await leaf.read()).type
  return seen
})

/** LDO never throws: it hands back a result that may be an error. */
function ok(result) {
  if (result.isError) throw new Error(`${result.type}: ${result.message}`)
  return result
}

async function otherReader(fetch, url) {
  const dataset = createSolidLdoDataset()
  dataset.setContext('solid', { fetch })
  const resource = dataset.getResource(url)
  ok(await resource.read())
  return resource
}

async function object(dataset, container, fetch) {
  const { resource } = ok(await container.createChildAndOverwrite('person.ttl'))
  const made = dataset.createData(PersonShape, `${resource.uri}#it`, resource)
  made.name = 'One'
  made.nick?.add('first')
  ok(await commitData(made))
  const changed = changeData(dataset.usingType(PersonShape).fromSubject(`${resource.uri}#it`), resource)
  changed.name = 'Two'
  changed.nick?.add('second')
  ok(await commitData(changed))
  const text = await (await fetch(resource.uri, { headers: { accept: 'application/n-triples' } })).text()
  return text.trim().split('\n').sort()
}

async function access(dataset, container, bobs) {
  const leaf = dataset.getResource(`${container.uri}person.ttl`)
  const inherited = ok(await leaf.getWac()).wacRule
  const before = await statusOf(bobs, leaf.uri)
  const none = { read: false, append: false, write: false, control: false }
  const all = { read: true, append: true, write: true, control: true }
  ok(await leaf.setWac({ public: none, authenticated: none, agent: { [alice.webId]: all, [bob.webId]: { ...none, read: true } } }))
  const own = ok(await leaf.getWac({ ignoreCache: true })).wacRule
  return {
    inherited: inherited.agent[alice.webId],
    before,
    own: own.agent[bob.webId],
    after: await statusOf(bobs, leaf.uri),
    write: await statusOf(bobs, leaf.uri, { method: 'DELETE' }),
    nobody: await statusOf(globalThis.fetch, leaf.uri),
  }
}

// rdflib.js with its UpdateManager. It chooses SPARQL Update when Accept-Patch offers it and N3 Patch otherwise, so the
// second run takes the offer away from the answers before the library sees them. `given.dialect`: SPARQL or N3PATCH.
import * as $rdf from 'rdflib'
import { given, signedIn, statusOf, tell } from './common.mjs'

const FOAF = $rdf.Namespace('http://xmlns.com/foaf/0.1/')
const RDFS = $rdf.Namespace('http://www.w3.org/2000/01/rdf-schema#')
const VCARD = $rdf.Namespace('http://www.w3.org/2006/vcard/ns#')
const LDP = $rdf.Namespace('http://www.w3.org/ns/ldp#')
const SPACE = $rdf.Namespace('http://www.w3.org/ns/pim/space#')
const { alice } = given.people

await tell(async () => {
  const { fetch: signed } = await signedIn(alice)
  const patches = []
  const fetch = async (url, options = {}) => {
    if (options.method === 'PATCH') patches.push(new Headers(options.headers).get('content-type'))
    const answer = await signed(url, options)
    if (given.dialect === 'N3PATCH' && answer.headers.has('accept-patch')) {
      const headers = new Headers(answer.headers)
      headers.set('accept-patch', 'text/n3')
      const shown = new Response([204, 205, 304].includes(answer.status) ? null : answer.body, { status: answer.status, headers })
      Object.defineProperty(shown, 'url', { value: answer.url || String(url) })
      return shown
    }
    return answer
  }
  const dir = `${given.home}rdflib/`
  const doc = $rdf.sym(`${dir}doc.ttl`)
  const me = $rdf.sym(alice.webId)
  const seen = {}

  const { graph, fetcher, updater } = store(fetch)
  await fetcher.load(me.doc())
  seen.profile = { name: graph.anyValue(me, FOAF('name')), storage: graph.any(me, SPACE('storage'))?.value }

  seen.created = (await fetcher.webOperation('PUT', doc.value, { data: '', contentType: 'text/turtle' })).status
  await fetcher.load(doc, { force: true })
  seen.dialect = updater.editable(doc)

  const it = $rdf.sym(`${doc.value}#it`)
  const one = $rdf.st(it, FOAF('name'), 'One', doc)
  const two = $rdf.st(it, FOAF('name'), $rdf.lit('Deux\n"à"', 'fr'), doc)
  const age = $rdf.st(it, FOAF('age'), $rdf.lit('41', undefined, $rdf.sym('http://www.w3.org/2001/XMLSchema#integer')), doc)
  await updater.updateMany([], [one, age])
  seen.inserted = await there(signed, doc)
  await updater.update([one], [two])
  seen.replaced = await there(signed, doc)
  seen.stale = await refused(updater, [one], [$rdf.st(it, FOAF('nick'), 'Three', doc)])
  seen.afterStale = await there(signed, doc)

  seen.blank = await blankNodes(updater, graph, signed, doc, it)
  seen.collection = await collection(updater, signed, doc, it)
  seen.container = await container(fetcher, graph, dir)
  seen.made = await newDocument(updater, fetch, signed, dir)
  seen.put = await whole(updater, graph, signed, dir)
  seen.image = await image(fetcher, dir)
  seen.end = await cleanUp(fetcher, dir, signed)
  seen.patches = [...new Set(patches)]
  return seen
})

function store(fetch) {
  const graph = $rdf.graph()
  const fetcher = new $rdf.Fetcher(graph, { fetch })
  return { graph, fetcher, updater: new $rdf.UpdateManager(graph) }
}

/** The document as another store reads it: sorted N-Triples without the names of blank nodes. */
async function there(fetch, doc) {
  const { graph, fetcher } = store(fetch)
  await fetcher.load(doc)
  return graph.statementsMatching(null, null, null, doc).map(one => one.toNT().replace(/_:\S+/g, '_:')).sort()
}

async function refused(updater, deletions, insertions) {
  try {
    await updater.update(deletions, insertions)
    return false
  } catch {
    return true
  }
}

/** An address on a blank node: written, then changed through a WHERE that finds the node by what hangs on it. */
async function blankNodes(updater, graph, fetch, doc, it) {
  const node = $rdf.blankNode()
  await updater.updateMany([], [
    $rdf.st(it, VCARD('hasAddress'), node, doc),
    $rdf.st(node, VCARD('locality'), 'Gent', doc),
  ])
  const written = await there(fetch, doc)
  // The names of blank nodes are each reader's own, so the document is read again before the node is edited.
  await graph.fetcher.load(doc, { force: true, clearPreviousData: true })
  const [found] = graph.statementsMatching(null, VCARD('locality'), null, doc)
  await updater.update([found], [$rdf.st(found.subject, VCARD('locality'), 'Brugge', doc)])
  return { written, changed: await there(fetch, doc) }
}

async function collection(updater, fetch, doc, it) {
  const [first, second] = [$rdf.blankNode(), $rdf.blankNode()]
  const RDF = $rdf.Namespace('http://www.w3.org/1999/02/22-rdf-syntax-ns#')
  await updater.updateMany([], [
    $rdf.st(it, RDFS('seeAlso'), first, doc),
    $rdf.st(first, RDF('first'), 'a', doc),
    $rdf.st(first, RDF('rest'), second, doc),
    $rdf.st(second, RDF('first'), 'b', doc),
    $rdf.st(second, RDF('rest'), RDF('nil'), doc),
  ])
  const { graph, fetcher } = store(fetch)
  await fetcher.load(doc)
  return graph.any(it, RDFS('seeAlso'), null, doc).elements?.map(one => one.value)
}

async function container(fetcher, graph, dir) {
  const made = await fetcher.createContainer(dir, 'sub')
  await fetcher.load($rdf.sym(dir), { force: true })
  return {
    made: made.status,
    listing: graph.each($rdf.sym(dir), LDP('contains'), null, $rdf.sym(dir)).map(one => one.value).sort(),
  }
}

/** A patch to a document that is not there makes it, and its containers. */
async function newDocument(updater, fetch, signed, dir) {
  const doc = $rdf.sym(`${dir}by/patch.ttl`)
  await updater.updateMany([], [$rdf.st($rdf.sym(`${doc.value}#it`), FOAF('name'), 'Made', doc)])
  return there(signed, doc)
}

async function whole(updater, graph, signed, dir) {
  const doc = $rdf.sym(`${dir}whole.ttl`)
  const all = [$rdf.st($rdf.sym(`${doc.value}#it`), FOAF('name'), 'Whole', doc), $rdf.st($rdf.blankNode(), FOAF('nick'), 'w', doc)]
  const ok = await new Promise(resolve => updater.put(doc, all, 'text/turtle', (_uri, done) => resolve(done)))
  return { ok, there: await there(signed, doc) }
}

async function image(fetcher, dir) {
  const put = await fetcher.webOperation('PUT', `${dir}dot.png`, { data: new Uint8Array([137, 80, 78, 71]), contentType: 'image/png' })
  const copied = await fetcher.webCopy(`${dir}dot.png`, `${dir}dot2.png`, 'image/png')
  return { put: put.status, copied: copied.status }
}

async function cleanUp(fetcher, dir, signed) {
  const { graph, fetcher: reader } = store(signed)
  const removed = []
  const empty = async url => {
    await reader.load($rdf.sym(url), { force: true })
    for (const member of graph.each($rdf.sym(url), LDP('contains'), null, $rdf.sym(url))) {
      if (member.value.endsWith('/')) await empty(member.value)
      else removed.push((await fetcher.webOperation('DELETE', member.value)).status)
    }
    removed.push((await fetcher.webOperation('DELETE', url)).status)
  }
  await empty(dir)
  return { removed: [...new Set(removed)], gone: await statusOf(signed, dir) }
}

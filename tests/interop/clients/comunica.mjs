// @comunica/query-sparql-solid: queries over several private documents, and updates that become patches.
import { QueryEngine } from '@comunica/query-sparql-solid'
import { given, signedIn, statusOf, tell } from './common.mjs'

const { alice } = given.people

await tell(async () => {
  const session = await signedIn(alice)
  const engine = new QueryEngine()
  const as = { '@comunica/actor-http-inrupt-solid-client-authn:session': session }
  const dir = `${given.home}comunica/`
  const [one, two] = [`${dir}one.ttl`, `${dir}two.ttl`]
  const seen = {}

  const update = async (query, url) => {
    await engine.invalidateHttpCache()
    await engine.queryVoid(query, { ...as, sources: [url], destination: url, baseIRI: url })
    await engine.invalidateHttpCache()
    return lines(session.fetch, url)
  }
  const select = async (query, sources, more = as) => {
    await engine.invalidateHttpCache()
    const rows = await (await engine.queryBindings(query, { ...more, sources })).toArray()
    return rows.map(row => Object.fromEntries([...row].map(([name, term]) => [name.value, term.value])))
  }

  seen.created = await update('PREFIX s: <http://schema.org/> INSERT DATA { <#a> s:name "one"; s:age 41 }', one)
  seen.other = await update('PREFIX s: <http://schema.org/> INSERT DATA { <#b> s:name "two"; s:knows <one.ttl#a> }', two)
  seen.changed = await update(
    'DELETE { ?s ?p "one" } INSERT { ?s ?p "uno" } WHERE { ?s ?p "one" }', one,
  )
  seen.removed = await update('DELETE DATA { <#a> <http://schema.org/age> 41 }', one)
  seen.joined = await select(
    'PREFIX s: <http://schema.org/> SELECT ?who ?known { ?b s:name ?who; s:knows ?a . ?a s:name ?known }', [one, two],
  )
  seen.members = (await select(`SELECT ?m { <${dir}> <http://www.w3.org/ns/ldp#contains> ?m } ORDER BY ?m`, [dir])).map(row => row.m)
  seen.asked = await engine.queryBoolean(`ASK { <${one}#a> <http://schema.org/name> "uno" }`, { ...as, sources: [one] })
  seen.stranger = await select('SELECT * { ?s ?p ?o }', [one], {}).then(() => 'read', error => String(error.message).slice(0, 200))
  seen.public = (await select('SELECT ?n { ?s <http://xmlns.com/foaf/0.1/name> ?n }', [alice.webId.split('#')[0]], {})).map(row => row.n)
  for (const url of [one, two, dir]) seen.end = await statusOf(session.fetch, url, { method: 'DELETE' })
  return seen
})

async function lines(fetch, url) {
  const answer = await fetch(url, { headers: { accept: 'application/n-triples' } })
  return (await answer.text()).trim().split('\n').sort()
}

// Two servers: a person of each reads and writes in the pod of the other's, by the ACLs of the pod.
// `given.other`: `{baseUrl, dora: {webId, pod, clientId, clientSecret}}` of the other server.
import * as sc from '@inrupt/solid-client'
import { given, signedIn, statusOf, tell } from './common.mjs'

const { alice, bob } = given.people
const { dora } = given.other
const text = { 'content-type': 'text/plain' }

await tell(async () => {
  const alices = (await signedIn(alice)).fetch
  const bobs = (await signedIn(bob)).fetch
  const session = await signedIn(dora, given.other.baseUrl)
  const doras = session.fetch
  return {
    dora: session.info.webId,
    theirsAtOurs: await visit(`${given.home}shared/`, alices, dora, doras),
    oursAtTheirs: await visit(`${dora.pod}shared/`, doras, alice, alices),
    group: await group(alices, doras, bobs),
  }
})

/** What the guest sees of a folder before it is shared, while it is, and after. */
async function visit(dir, owner, guest, guests) {
  const doc = `${dir}doc.txt`
  const as = { fetch: owner }
  await sc.createContainerAt(dir, as)
  await owner(doc, { method: 'PUT', headers: text, body: 'shared' })
  await owner(`${dir}other.txt`, { method: 'PUT', headers: text, body: 'private' })
  const look = async () => ({
    read: await statusOf(guests, doc),
    write: await statusOf(guests, doc, { method: 'PUT', headers: text, body: 'by the guest' }),
    other: await statusOf(guests, `${dir}other.txt`),
    nobody: await statusOf(fetch, doc),
  })
  const seen = { before: await look() }
  await sc.universalAccess.setAgentAccess(doc, guest.webId, { read: true }, as)
  seen.reading = await look()
  seen.modes = (await guests(doc)).headers.get('wac-allow')
  await sc.universalAccess.setAgentAccess(doc, guest.webId, { read: true, write: true }, as)
  seen.writing = await look()
  seen.text = await (await owner(doc)).text()
  await sc.universalAccess.setAgentAccess(doc, guest.webId, { read: false, write: false }, as)
  seen.after = await look()
  return seen
}

/** A group document that lives on the other server decides who reads a document of ours. */
async function group(alices, doras, bobs) {
  const list = `${dora.pod}friends.ttl`
  const doc = `${given.home}for-friends.txt`
  const put = (fetch, url, body, type = 'text/turtle') => statusOf(fetch, url, { method: 'PUT', headers: { 'content-type': type }, body })
  await put(doras, list, `<#us> <http://www.w3.org/2006/vcard/ns#hasMember> <${bob.webId}>.`)
  await sc.universalAccess.setPublicAccess(list, { read: true }, { fetch: doras })
  await put(alices, doc, 'for friends', 'text/plain')
  const before = await statusOf(bobs, doc)
  const acl = `@prefix acl: <http://www.w3.org/ns/auth/acl#>.
    <#owner> a acl:Authorization; acl:agent <${alice.webId}>; acl:accessTo <${doc}>; acl:mode acl:Read, acl:Write, acl:Control.
    <#friends> a acl:Authorization; acl:agentGroup <${list}#us>; acl:accessTo <${doc}>; acl:mode acl:Read.`
  await put(alices, `${doc}.acl`, acl)
  return { before, member: await statusOf(bobs, doc), other: await statusOf(doras, doc), nobody: await statusOf(fetch, doc) }
}

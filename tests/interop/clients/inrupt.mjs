// @inrupt/solid-client and solid-client-authn-node: the whole day of an app with a person's own rights.
import * as sc from '@inrupt/solid-client'
import { given, refusalOf, signedIn, statusOf, tell } from './common.mjs'

const NAME = 'http://xmlns.com/foaf/0.1/name'
const KNOWS = 'http://xmlns.com/foaf/0.1/knows'
const { alice, bob } = given.people

await tell(async () => {
  const session = await signedIn(alice)
  const as = { fetch: session.fetch }
  const bobs = { fetch: (await signedIn(bob)).fetch }
  const seen = { webId: session.info.webId, isLoggedIn: session.info.isLoggedIn }

  seen.profile = await profile(as)
  const dir = `${given.home}interop/`
  seen.container = sc.getSourceUrl(await sc.createContainerAt(dir, as))
  seen.files = await files(dir, as)
  seen.dataset = await dataset(dir, as)
  seen.slugs = await slugs(dir, as)
  seen.listing = sc.getContainedResourceUrlAll(await sc.getSolidDataset(dir, as)).sort()
  seen.sharing = await sharing(dir, as, bobs)
  seen.acl = await ownAcl(dir, as, bobs)
  seen.end = await cleanUp(dir, as)
  await session.logout()
  seen.after = await statusOf(session.fetch, given.home)
  return seen
})

async function profile(as) {
  const found = await sc.getProfileAll(alice.webId, as)
  const thing = sc.getThing(found.webIdProfile, alice.webId)
  return {
    name: sc.getStringNoLocale(thing, NAME),
    issuers: sc.getUrlAll(thing, 'http://www.w3.org/ns/solid/terms#oidcIssuer'),
    inbox: sc.getUrl(thing, 'http://www.w3.org/ns/ldp#inbox'),
    pods: await sc.getPodUrlAll(alice.webId, as),
    strangersSee: await sc.getPodUrlAll(alice.webId),
  }
}

async function files(dir, as) {
  const url = `${dir}note.txt`
  await sc.overwriteFile(url, Buffer.from('first'), { ...as, contentType: 'text/plain' })
  await sc.overwriteFile(url, Buffer.from('second'), { ...as, contentType: 'text/plain' })
  const read = await sc.getFile(url, as)
  const image = await sc.overwriteFile(`${dir}deep/er/dot.png`, Buffer.from([137, 80, 78, 71]), {
    ...as,
    contentType: 'image/png',
  })
  const info = await sc.getResourceInfo(image.internal_resourceInfo.sourceIri, as)
  return {
    type: sc.getContentType(read),
    text: await read.text(),
    raw: sc.isRawData(info),
    imageType: sc.getContentType(info),
    bytes: (await (await sc.getFile(sc.getSourceUrl(info), as)).arrayBuffer()).byteLength,
    made: sc.isContainer(await sc.getResourceInfo(`${dir}deep/er/`, as)),
    modes: sc.getEffectiveAccess(info),
  }
}

async function dataset(dir, as) {
  const url = `${dir}data.ttl`
  const one = sc.buildThing({ name: 'it' }).addStringNoLocale(NAME, 'One').addUrl(KNOWS, bob.webId).build()
  await sc.saveSolidDatasetAt(url, sc.setThing(sc.createSolidDataset(), one), as)
  const again = await refusalOf(() => sc.saveSolidDatasetAt(url, sc.setThing(sc.createSolidDataset(), one), as))
  // A dataset that was read is saved as the difference: DELETE DATA and INSERT DATA in one PATCH.
  const read = await sc.getSolidDataset(url, as)
  const two = sc.setStringNoLocale(sc.getThing(read, `${url}#it`), NAME, 'Two')
  const other = sc.buildThing({ name: 'other' }).addInteger('https://schema.org/age', 41).build()
  await sc.saveSolidDatasetAt(url, sc.setThing(sc.setThing(read, two), other), as)
  const changed = await sc.getSolidDataset(url, as)
  const removed = await sc.saveSolidDatasetAt(url, sc.removeThing(changed, `${url}#other`), as)
  return {
    again,
    name: sc.getStringNoLocale(sc.getThing(changed, `${url}#it`), NAME),
    knows: sc.getUrl(sc.getThing(changed, `${url}#it`), KNOWS),
    age: sc.getInteger(sc.getThing(changed, `${url}#other`), 'https://schema.org/age'),
    left: sc.getThingAll(await sc.getSolidDataset(sc.getSourceUrl(removed), as)).map(thing => thing.url),
  }
}

async function slugs(dir, as) {
  const thing = sc.buildThing({ name: 'it' }).addStringNoLocale(NAME, 'Posted').build()
  const saved = await sc.saveSolidDatasetInContainer(dir, sc.setThing(sc.createSolidDataset(), thing), {
    ...as,
    slugSuggestion: 'posted',
  })
  const file = await sc.saveFileInContainer(dir, new File(['x'], 'named.txt', { type: 'text/plain' }), as)
  const container = await sc.createContainerInContainer(dir, { ...as, slugSuggestion: 'sub' })
  return {
    dataset: sc.getSourceUrl(saved),
    things: sc.getThingAll(saved).map(one => one.url),
    file: sc.getSourceUrl(file),
    container: sc.getSourceUrl(container),
    isContainer: sc.isContainer(container),
  }
}

/** universalAccess, the library's one door for WAC and ACP. */
async function sharing(dir, as, bobs) {
  const file = `${dir}data.ttl`
  const { universalAccess: access } = sc
  const before = await statusOf(bobs.fetch, file)
  const given = await access.setAgentAccess(file, bob.webId, { read: true }, as)
  const shared = {
    read: await statusOf(bobs.fetch, file),
    write: await statusOf(bobs.fetch, file, { method: 'PUT', headers: { 'content-type': 'text/turtle' }, body: '' }),
    other: await statusOf(bobs.fetch, `${dir}note.txt`),
    nobody: await statusOf(fetch, file),
  }
  const all = Object.keys(await access.getAgentAccessAll(file, as)).sort()
  await access.setPublicAccess(file, { read: true, append: true }, as)
  const publicModes = await access.getPublicAccess(file, as)
  const open = await statusOf(fetch, file)
  await access.setPublicAccess(file, { read: false, append: false }, as)
  await access.setAgentAccess(file, bob.webId, { read: false }, as)
  return {
    before,
    given,
    shared,
    all,
    publicModes,
    open,
    closed: await statusOf(fetch, file),
    after: await statusOf(bobs.fetch, file),
    owner: (await access.getAgentAccess(file, alice.webId, as)).read,
  }
}

/** The older API of the same library: ACL documents, with default rules and their fall-back. */
async function ownAcl(dir, as, bobs) {
  const found = await sc.getSolidDatasetWithAcl(dir, as)
  const inherited = { own: sc.hasResourceAcl(found), fallback: sc.hasFallbackAcl(found), may: sc.hasAccessibleAcl(found) }
  let acl = sc.createAclFromFallbackAcl(found)
  acl = sc.setAgentDefaultAccess(acl, bob.webId, { read: true, append: true, write: false, control: false })
  await sc.saveAclFor(found, acl, as)
  const child = `${dir}posted-by-bob.txt`
  const status = {
    note: await statusOf(bobs.fetch, `${dir}note.txt`),
    container: await statusOf(bobs.fetch, dir),
    create: await statusOf(bobs.fetch, child, { method: 'PUT', headers: { 'content-type': 'text/plain' }, body: 'x' }),
    acl: await statusOf(bobs.fetch, sc.getSourceUrl(acl)),
  }
  const again = await sc.getFileWithAcl(`${dir}note.txt`, as)
  const agents = sc.getAgentAccessAll(again)
  await sc.deleteAclFor(await sc.getSolidDatasetWithAcl(dir, as), as)
  return { inherited, status, agents: Object.keys(agents).sort(), bob: agents[bob.webId], after: await statusOf(bobs.fetch, `${dir}note.txt`) }
}

async function cleanUp(dir, as) {
  const full = await refusalOf(() => sc.deleteContainer(dir, as))
  await emptied(dir, as)
  await sc.deleteContainer(dir, as)
  return { full, gone: await refusalOf(() => sc.getSolidDataset(dir, as)) }
}

async function emptied(dir, as) {
  for (const url of sc.getContainedResourceUrlAll(await sc.getSolidDataset(dir, as))) {
    if (url.endsWith('/')) {
      await emptied(url, as)
      await sc.deleteContainer(url, as)
    } else {
      await sc.deleteFile(url, as)
    }
  }
}

// @solid-notifications/subscription: a WebSocket on a folder and one on a shared document, a webhook, an event source.
import { createServer } from 'node:http'
import { SubscriptionClient } from '@solid-notifications/subscription'
import { createSolidLdoDataset } from '@ldo/connected-solid'
import * as sc from '@inrupt/solid-client'
import { given, refusalOf, signedIn, statusOf, tell, until } from './common.mjs'

const NOTIFY = 'http://www.w3.org/ns/solid/notifications#'
const QUIET = 600 // milliseconds after which nothing comes any more
const { alice, bob } = given.people
const short = message => ({ type: message.type, object: message.object, target: message.target ?? null })
const pause = () => new Promise(resolve => setTimeout(resolve, QUIET))

await tell(async () => {
  const alices = (await signedIn(alice)).fetch
  const bobs = (await signedIn(bob)).fetch
  const put = (url, body = '<#it> <#is> "here".') =>
    statusOf(alices, url, { method: 'PUT', headers: { 'content-type': 'text/turtle' }, body })
  return {
    folder: await folder(alices, put),
    stranger: await strangers(bobs),
    shared: await shared(alices, bobs, put),
    webhook: await webhook(alices, put),
    ldo: await ldo(alices, put),
  }
})

/** A channel with its socket open; `came` gathers the messages. */
async function listen(fetch, topic) {
  const channel = await new SubscriptionClient(fetch).subscribe(topic, `${NOTIFY}WebSocketChannel2023`)
  const socket = new WebSocket(channel.receiveFrom)
  const ear = { channel, came: [], closed: null, socket }
  socket.onmessage = message => ear.came.push(JSON.parse(message.data))
  socket.onclose = event => { ear.closed = event.code }
  await new Promise((resolve, reject) => { socket.onopen = resolve; socket.onerror = reject })
  return ear
}

async function folder(fetch, put) {
  const dir = `${given.home}watched/`
  await sc.createContainerAt(dir, { fetch })
  const ear = await listen(fetch, dir)
  await put(`${dir}b.ttl`)
  await until(() => ear.came.length >= 1)
  await statusOf(fetch, `${dir}b.ttl`, { method: 'DELETE' })
  await until(() => ear.came.length >= 2)
  await put(`${given.home}elsewhere.ttl`)
  await pause()
  ear.socket.close()
  return { channel: { type: ear.channel.type, topic: ear.channel.topic }, came: ear.came.map(short), contexts: ear.came[0]?.['@context'] }
}

/** Whoever may not read may not listen. */
async function strangers(fetch) {
  const client = new SubscriptionClient(fetch)
  return (await refusalOf(() => client.subscribe(`${given.home}watched/`, `${NOTIFY}WebSocketChannel2023`))) !== 'no refusal'
}

/** Read is taken away from the one who listens: the socket closes and nothing more arrives. */
async function shared(alices, bobs, put) {
  const doc = `${given.home}shared.ttl`
  await put(doc)
  await sc.universalAccess.setAgentAccess(doc, bob.webId, { read: true }, { fetch: alices })
  const ear = await listen(bobs, doc)
  await put(doc, '<#it> <#is> "changed".')
  await until(() => ear.came.length >= 1)
  const before = ear.came.map(short)
  await sc.universalAccess.setAgentAccess(doc, bob.webId, { read: false }, { fetch: alices })
  await put(doc, '<#it> <#is> "secret".')
  await until(() => ear.closed !== null)
  await pause()
  return { before, after: ear.came.length - before.length, closed: ear.closed !== null }
}

async function webhook(fetch, put) {
  const came = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', chunk => { body += chunk })
    request.on('end', () => {
      came.push({ message: JSON.parse(body), signed: request.headers.authorization?.split(' ')[0], proof: Boolean(request.headers.dpop) })
      response.writeHead(204).end()
    })
  })
  await new Promise(resolve => server.listen(0, '127.0.0.1', resolve))
  const doc = `${given.home}hooked.ttl`
  const sendTo = `http://localhost:${server.address().port}/hook`
  await put(doc)
  const channel = await new SubscriptionClient(fetch).subscribe(doc, `${NOTIFY}WebhookChannel2023`, sendTo)
  await put(doc, '<#it> <#is> "changed".')
  await until(() => came.length >= 1)
  server.close()
  return { sendTo: channel.sendTo === sendTo, came: came.map(one => ({ ...short(one.message), signed: one.signed, proof: one.proof })) }
}

/** LDO's own use of the same client: what others change turns up in the app. */
async function ldo(fetch, put) {
  const doc = `${given.home}live.ttl`
  await put(doc)
  const dataset = createSolidLdoDataset()
  dataset.setContext('solid', { fetch })
  const resource = dataset.getResource(doc)
  await resource.read()
  const came = []
  const errors = []
  await resource.subscribeToNotifications({
    onNotification: message => came.push(short(message)),
    onNotificationError: error => errors.push(error.message),
  })
  await until(() => resource.isSubscribedToNotifications())
  await pause()
  await put(doc, '<#it> <#is> "live".')
  await until(() => came.length >= 1)
  const shown = await until(() => [...dataset].map(quad => quad.object.value).find(value => value === 'live'))
  return { came, shown, errors }
}

// soukai-solid: an app's models, each in a document of its own in one container; saved, changed, listed, shared, deleted.
import { FieldType, bootModels, setEngine } from 'soukai'
import { SolidContainer, SolidEngine, bootSolidModels, defineSolidModelSchema } from 'soukai-solid'
import { given, signedIn, statusOf, tell } from './common.mjs'

const { alice } = given.people

class Task extends defineSolidModelSchema({
  rdfContext: 'https://schema.org/',
  rdfsClass: 'Action',
  fields: {
    name: { type: FieldType.String, required: true },
    priority: { type: FieldType.Number, rdfProperty: 'position' },
    done: { type: FieldType.Date, rdfProperty: 'endTime' },
    labels: { type: FieldType.Array, items: FieldType.String, rdfProperty: 'keywords' },
  },
}) {}

class TaskList extends SolidContainer {
  tasksRelationship() {
    return this.contains(Task)
  }
}

await tell(async () => {
  const { fetch } = await signedIn(alice)
  setEngine(new SolidEngine(fetch))
  bootSolidModels()
  bootModels({ Task, TaskList })
  const seen = {}

  const list = await TaskList.at(given.home).create({ name: 'To do' })
  seen.list = list.url
  const one = await list.relatedTasks.create({ name: 'Write', priority: 1, labels: ['a', 'b'] })
  const two = await Task.at(list.url).create({ name: 'Read' })
  seen.documents = [one.getDocumentUrl(), two.getDocumentUrl()].every(url => url.startsWith(list.url))

  await one.update({ name: 'Write more', done: new Date('2026-11-24T10:00:00Z'), labels: ['b', 'c'] })
  const again = await Task.find(one.url)
  seen.one = { name: again.name, priority: again.priority, done: again.done.toISOString(), labels: [...again.labels].sort() }
  seen.timestamps = again.createdAt <= again.updatedAt
  again.unsetAttribute('priority')
  await again.save()
  seen.unset = (await Task.find(one.url)).priority ?? null

  seen.all = (await Task.from(list.url).all()).map(task => task.name).sort()
  seen.filtered = (await Task.from(list.url).all({ name: 'Read' })).map(task => task.name)
  const found = await TaskList.find(list.url)
  await found.loadRelation('tasks')
  seen.found = { name: found.name, tasks: found.tasks.map(task => task.name).sort() }
  await found.update({ name: 'Done' })
  seen.renamed = (await TaskList.find(list.url)).name

  seen.permissions = await permissions(two, fetch)
  const documentUrl = one.getDocumentUrl()
  await one.delete()
  seen.left = (await Task.from(list.url).all()).map(task => task.name)
  seen.gone = await statusOf(fetch, documentUrl)
  return seen
})

async function permissions(task, fetch) {
  const url = task.getDocumentUrl()
  const before = await statusOf(globalThis.fetch, url)
  await task.fetchPublicPermissions()
  const wasPrivate = task.isPrivate
  await task.updatePublicPermissions(['read'])
  const open = await statusOf(globalThis.fetch, url)
  const owner = await statusOf(fetch, url)
  await task.updatePublicPermissions([])
  return { before, wasPrivate, open, owner, after: await statusOf(globalThis.fetch, url) }
}
